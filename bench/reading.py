"""What the reader alone makes of questions: the 24 nearest sentences read, nothing else of the program.

python bench/reading.py [EVALDATA] [--guides NAME …] [--work DIR] [--sets law trades …]

First the guides of training/data that the reader was not trained on (its card names them), one line for all; then sets
with answerable and other questions, as in bench/evidence.py. Usefulness is that of bench/voices.py, three sentences
shown. Nothing is fitted here.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from evidence import OWN, PUBLIC
from question_sets import ROOT, WORK, Row, own_rows, published, rows_of, texts_of
from voices import worth

from advisor_bot import evaluate
from advisor_bot.answers.advisor import Advisor
from advisor_bot.models.opening import card, open_reader
from advisor_bot.models.reader import Encoded, Reader, Sentence, Verdict
from advisor_bot.settings import Settings

DATA = ROOT / "training" / "data" / "guides"
READ, SHOWN = 24, 3


@dataclass(frozen=True)
class Rated:
    """A question read: its verdict, its probabilities, the places of what is wanted in both orders."""

    verdict: str
    answered: float
    helped: float
    by_answers: tuple[bool, ...]
    by_helps: tuple[bool, ...]

    @property
    def shown(self) -> str:
        limits = card()["limits"]
        if self.answered >= limits["answered"]:
            return "answered"
        return "partial" if self.helped >= limits["helped"] else "refused"

    @property
    def worth(self) -> float:
        order = self.by_answers if self.shown == "answered" else self.by_helps
        return worth(self.verdict, self.shown, any(order[:SHOWN]))


def nearest(question: Encoded, vectors: Any) -> list[int]:
    return np.argsort(-(vectors @ question.vector), kind="stable")[:READ].tolist()  # type: ignore[no-any-return]


def rate(file: pathlib.Path, reader: Reader) -> list[Rated]:
    data = json.loads(file.read_text(encoding="utf-8"))
    names, texts = [], []
    for i, section in enumerate(data["sections"], 1):
        names += [f"{i}.{j}" for j in range(1, len(section["sentences"]) + 1)]
        texts += [Sentence(text, section["heading"]) for text in section["sentences"]]
    encoded = reader.sentences(texts)
    vectors = np.array([one.vector for one in encoded])
    found = []
    for row in data["questions"]:
        question = reader.question(row["q"])
        near = nearest(question, vectors)
        verdict = reader.read(question, [encoded[place] for place in near])
        wanted = {*(row["best"] or row["help"])}
        orders = [
            tuple(names[near[place]] in wanted for place in np.argsort(-scores))
            for scores in (verdict.answers, verdict.helps)
        ]
        found.append(Rated(row["verdict"], verdict.answered, verdict.helped, orders[0], orders[1]))
    return found


def figures(rows: Sequence[Rated]) -> dict[str, float]:
    def share(of: str, shown: str) -> float:
        mine = [row.shown == shown for row in rows if row.verdict == of]
        return round(sum(mine) / max(1, len(mine)), 3)

    def rank(count: int) -> float:
        return round(float(np.mean([any(row.by_answers[:count]) for row in rows if row.verdict == "answered"])), 3)

    return {
        "questions": len(rows),
        "auroc": auroc([row.answered for row in rows], [row.verdict == "answered" for row in rows]),
        "auroc helps": auroc([row.helped for row in rows], [row.verdict != "no" for row in rows]),
        **{f"in {count}": rank(count) for count in (1, 3, 10)},
        "useful": round(float(np.mean([row.worth for row in rows])), 3),
        "answered": share("answered", "answered"),
        "refused": share("answered", "refused"),
        "no answered": share("no", "answered"),
        "no partial": share("no", "partial"),
    }


def auroc(scores: Sequence[float], yes: Sequence[bool]) -> float:
    sides = [[s for s, y in zip(scores, yes, strict=True) if y is side] for side in (True, False)]
    return round(evaluate.auroc(*sides), 3)


def read_set(built: Advisor, rows: Sequence[Row]) -> list[Verdict]:
    """Read every row alone: without what was said before, where somebody rewrote it, as rewritten."""
    with built.versions.lease() as guide:
        reader = guide.models.reader
        vectors = guide.sentence_vectors(np.arange(len(guide.sentence_rows)))
        texts = [row.rewritten or row.question for row in rows]
        return [guide.read(text, nearest(reader.question(text), vectors)) for text in texts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=pathlib.Path)
    parser.add_argument("--guides", nargs="*", default=card()["kept_apart"])
    parser.add_argument("--work", type=pathlib.Path, default=WORK)
    parser.add_argument("--sets", nargs="*")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    if args.guides:
        reader = open_reader(Settings())
        print("guides", json.dumps(figures([one for n in args.guides for one in rate(DATA / f"{n}.json", reader)])))
    for name in [*OWN, *(PUBLIC if args.data else ())] if args.sets is None else args.sets:
        if name in OWN:
            source, cases = OWN[name]
            built = published("guide" if name in ("cases", "check") else name, source, args.work)
            rows = own_rows(cases)
        else:
            folder, file = PUBLIC[name]
            texts = texts_of(args.data / folder)
            built = published(name, texts / "studentaid" if name == "studentaid" else texts, args.work)
            rows = rows_of(args.data / folder / file)
        sure = [verdict.answered for verdict in read_set(built, rows)]
        said = {"questions": len(rows), "auroc": auroc(sure, [row.answerable for row in rows])}
        print(name, json.dumps(said), flush=True)
        built.versions.close()


if __name__ == "__main__":
    main()
