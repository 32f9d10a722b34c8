"""How well the proof of sentences tells true from false.

python bench/support.py [EVALDATA] [--index DIR] [--show]

Without EVALDATA: the project's own set, tests/claims.jsonl: true sentences about the guide that pass, and the same
turned false in one place that are caught, by kind and half (a was looked at while the rules were made, b was not).
With EVALDATA (the folder that holds mtrag/): AUROC of the checker against people's ratings of faithfulness, beside
that of plain word overlap. --show lists what went wrong in half a.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import sys
from collections import Counter
from typing import Any

from advisor_bot.assemble import advisor
from advisor_bot.index.guide import Guide
from advisor_bot.llm.proof import source_of
from advisor_bot.llm.support import check
from advisor_bot.retrieval.search import as_passage
from advisor_bot.settings import Settings
from advisor_bot.text import plain, sentences, terms, words

ROOT = pathlib.Path(__file__).resolve().parents[1]


def rows_of(path: pathlib.Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def own_set(index: Guide, show: bool) -> None:
    right: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    for row in rows_of(ROOT / "tests" / "claims.jsonl"):
        half = "ab"[hashlib.sha256(row["id"].encode()).digest()[0] % 2]
        numbers = [n for n, chunk in enumerate(index.chunks) if chunk.heading[-1] == row["heading"]]
        source = source_of(as_passage(numbers, 0.0, index), index)
        for kind, text in [("true", row["claim"]), *((flip["kind"], flip["text"]) for flip in row["flips"])]:
            verdict = check(text, source.texts, index, row["heading"])
            good = verdict.ok == (kind == "true")
            for name in {kind, "true" if kind == "true" else "all flips"}:
                asked[name, half] += 1
                right[name, half] += good
            if show and half == "a" and not good:
                print(f"  {kind}: {verdict.reason or 'passed'} {verdict.word}  {text}")
    print(f"{'':12} {'a':>14} {'b':>14} {'together':>14}")
    for name in ("true", "all flips", *sorted({name for name, _ in asked} - {"true", "all flips"})):
        cells = [(right[name, half], asked[name, half]) for half in "ab"]
        cells.append((sum(c[0] for c in cells), sum(c[1] for c in cells)))
        print(f"{name:12}", *(f"{good / max(1, of):6.3f} {good:3}/{of:3}" for good, of in cells))


def auroc(scores: list[float], good: list[bool]) -> float:
    pairs = [(a > b) + 0.5 * (a == b) for a, x in zip(scores, good, strict=True) if x
             for b, y in zip(scores, good, strict=True) if not y]  # fmt: skip
    return sum(pairs) / len(pairs)


def people(folder: pathlib.Path, guide: Guide) -> None:
    passages = {row["id"]: row["text"] for row in rows_of(folder / "passages.jsonl")}
    supported, said, overlap, rating = [], [], [], []
    for row in rows_of(folder / "faithfulness.jsonl"):
        texts = [plain(passages[gold["passage"]]) for gold in row["gold"] if gold["passage"] in passages]
        source = [[text[a:b] for a, b in sentences(text)] for text in texts]
        answer = " ".join(plain(line) for line in row["response"].split("\n"))
        claims = [answer[a:b] for a, b in sentences(answer) if len(words(answer[a:b])) >= 3]
        if not source or not claims:
            continue
        verdicts = [check(claim, source, guide) for claim in claims]
        supported.append(sum(v.ok for v in verdicts) / len(verdicts))
        said.append(sum(v.score * (1.0 if v.ok else 0.5) for v in verdicts) / len(verdicts))
        held = {term for text in texts for term in terms(text)}
        mine = terms(answer)
        overlap.append(sum(term in held for term in mine) / max(1, len(mine)))
        rating.append(float(row["faithfulness"]))
    print(f"\n{len(rating)} answers rated by people")
    for limit in (3.0, 3.5, 4.0):
        good = [x >= limit for x in rating]
        print(f"faithful from {limit}: {sum(good):3} of {len(good)}   AUROC: share of sentences supported "
              f"{auroc(supported, good):.3f}   with how much is said {auroc(said, good):.3f}   "
              f"word overlap {auroc(overlap, good):.3f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evaldata", nargs="?", type=pathlib.Path)
    parser.add_argument("--index", type=pathlib.Path, default=ROOT / ".advisor")
    parser.add_argument("--show", action="store_true")
    args = parser.parse_args()
    built = advisor(Settings(index=args.index))
    with built.versions.lease() as index:
        own_set(index, args.show)
        if args.evaldata:
            people(args.evaldata / "mtrag", index)
    built.versions.close()
    if not args.evaldata:
        print("\nFor people's ratings, name the folder that holds mtrag/.", file=sys.stderr)


if __name__ == "__main__":
    main()
