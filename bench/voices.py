"""How useful answers are to students asking in their own words: guides with marked questions, and conversations.

python bench/voices.py [GUIDE.json …] [--work DIR] [--show KIND] [--talks FILE.jsonl] [--limits]

Without files, the guides in bench/voices/ are asked, which nobody tuned to (training/README.md has their form).
Usefulness, the mean over questions, 1 at best:
  answered: 1 if status answered and a sentence that answers is quoted, .7 if quoted under partial, else 0
  partial:  1 if partial and one that helps is quoted, .5 if under answered, .3 if partial without it, .2 if refused
  no:       1 if refused, .3 if partial, -1 if answered
--show answered|partial|no prints what went wrong. --talks plays conversations of four turns about the guides, the
program's own answers as history; turns that stand alone are also asked alone, and must get the same answer.
--limits prints the figures for other limits of the statuses.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

from question_sets import ROOT, WORK

from advisor_bot import evaluate
from advisor_bot.answers.advisor import Advisor
from advisor_bot.assemble import advisor
from advisor_bot.index import publish
from advisor_bot.settings import Settings
from advisor_bot.types import Answer, Turn

GUIDES = ROOT / "bench" / "voices"


@dataclass(frozen=True)
class Asked:
    """One question with its verdict, the sentences wanted, and what came."""

    guide: str
    question: str
    verdict: str
    wanted: tuple[str, ...]
    answer: Answer

    @property
    def quoted(self) -> bool:
        quotes = squash(" ".join(c.quote for c in self.answer.citations))
        return any(squash(sentence) in quotes for sentence in self.wanted)

    @property
    def shown(self) -> str:
        return self.answer.status if self.answer.status in ("answered", "partial") else "refused"


def squash(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()


def worth(verdict: str, shown: str, quoted: bool) -> float:
    if verdict == "answered":
        return {"answered": 1.0, "partial": 0.7}.get(shown, 0.0) if quoted else 0.0
    if verdict == "partial":
        return {"answered": 0.5 if quoted else 0.0, "partial": 1.0 if quoted else 0.3, "refused": 0.2}[shown]
    return {"answered": -1.0, "partial": 0.3, "refused": 1.0}[shown]


def opened(file: pathlib.Path, work: pathlib.Path) -> tuple[Advisor, dict[str, Any], dict[str, str]]:
    """Publish the guide of ``file`` into WORK once; return it open, its data, its sentences by their names."""
    data = json.loads(file.read_text(encoding="utf-8"))
    text, said = f"# {data['title']}\n", {}
    for i, section in enumerate(data["sections"], 1):
        text += f"\n## {section['heading']}\n\n" + " ".join(section["sentences"]) + "\n"
        said |= {f"{i}.{j}": sentence for j, sentence in enumerate(section["sentences"], 1)}
    folder = work / "voices" / file.stem
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "guide.md").write_text(text, encoding="utf-8")
    settings = Settings(index=folder / "index")
    publish.publish(publish.read_guide([folder / "guide.md"], settings).documents, settings, force=True)
    return advisor(settings), data, said


def wanted(row: dict[str, Any], said: dict[str, str]) -> tuple[str, ...]:
    return tuple(said[name] for name in row.get("best") or row.get("help") or ())


def ask_all(file: pathlib.Path, work: pathlib.Path) -> list[Asked]:
    built, data, said = opened(file, work)
    found = [Asked(file.stem, q["q"], q["verdict"], wanted(q, said), built.ask(q["q"])) for q in data["questions"]]
    built.versions.close()
    return found


def figures(rows: list[Asked]) -> dict[str, float]:
    def share(of: str, what: list[bool]) -> float:
        mine = [good for row, good in zip(rows, what, strict=True) if row.verdict == of]
        return round(sum(mine) / max(1, len(mine)), 3)

    def auroc(yes: tuple[str, ...]) -> float:
        sides = [[r.answer.confidence for r in rows if (r.verdict in yes) is side] for side in (True, False)]
        return evaluate.auroc(*sides)

    called = [r for r in rows if r.shown == "answered"]
    words = [len(r.answer.text.split()) for r in rows if r.shown != "refused"]
    return {
        "questions": len(rows),
        "usefulness": round(sum(worth(r.verdict, r.shown, r.quoted) for r in rows) / len(rows), 3),
        "shown": share("answered", [r.quoted for r in rows]),
        "answered": share("answered", [r.shown == "answered" for r in rows]),
        "answered and right": round(sum(r.verdict == "answered" and r.quoted for r in called) / max(1, len(called)), 3),
        "refused": share("answered", [r.shown == "refused" for r in rows]),
        "partial shown": share("partial", [r.quoted for r in rows]),
        "no answered": share("no", [r.shown == "answered" for r in rows]),
        "no partial": share("no", [r.shown == "partial" for r in rows]),
        "auroc answered": auroc(("answered",)),
        "auroc helps": auroc(("answered", "partial")),
        "words": round(sum(words) / max(1, len(words)), 1),
    }


def show(rows: list[Asked], kind: str) -> None:
    for row in rows:
        right = row.quoted and row.shown == kind if kind != "no" else row.shown == "refused"
        if row.verdict == kind and not right:
            print(f"\n[{row.guide}] {row.question}\n  {row.answer.status} {row.answer.confidence:.2f}")
            for citation in row.answer.citations:
                print("  -", citation.quote)
            for sentence in row.wanted[:2]:
                print("  wanted:", sentence)


def play(file: pathlib.Path, guides: pathlib.Path, work: pathlib.Path) -> None:
    """Play the conversations of ``file`` and print how useful the turns were, and which stand-alone ones changed."""
    built: dict[str, Any] = {}
    rows: list[Asked] = []
    changed, alone = [], 0
    for talk in map(json.loads, file.open(encoding="utf-8")):
        if talk["guide"] not in built:
            built[talk["guide"]] = opened(guides / f"{talk['guide']}.json", work)
        advising, _, said = built[talk["guide"]]
        history: list[Turn] = []
        for turn in talk["turns"]:
            answer = advising.ask(turn["q"], history)
            if turn["verdict"] != "chat":
                rows.append(Asked(talk["guide"], turn["q"], turn["verdict"], wanted(turn, said), answer))
                if turn["alone"] and history:
                    alone += 1
                    if advising.ask(turn["q"]).text != answer.text:
                        changed.append(turn["q"])
            history += [Turn("user", turn["q"]), Turn("assistant", answer.text)]
    print(file.stem, json.dumps(figures(rows)))
    print(f"  stand-alone turns unchanged by what was said before: {alone - len(changed)} of {alone}")


def limits(rows: list[Asked]) -> None:
    """Print what other limits of "answered" would do, what is shown staying as it is."""
    for limit in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        count = Counter((r.verdict, r.answer.confidence >= limit) for r in rows)
        print(
            limit,
            {
                v: round(count[v, True] / max(1, count[v, True] + count[v, False]), 3)
                for v in ("answered", "partial", "no")
            },
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("guides", nargs="*", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=WORK)
    parser.add_argument("--show", choices=("answered", "partial", "no"))
    parser.add_argument("--talks", type=pathlib.Path, help="conversations about the guides beside them")
    parser.add_argument("--limits", action="store_true")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    if args.talks:
        play(args.talks, args.guides[0].parent if args.guides else GUIDES, args.work)
        return
    rows: list[Asked] = []
    for file in args.guides or sorted(GUIDES.glob("*.json")):
        mine = ask_all(file, args.work)
        print(file.stem, json.dumps(figures(mine)), flush=True)
        rows += mine
    print("all", json.dumps(figures(rows)))
    if args.show:
        show(rows, args.show)
    if args.limits:
        limits(rows)


if __name__ == "__main__":
    main()
