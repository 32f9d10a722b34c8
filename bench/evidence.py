"""How well the confidence parts questions that a guide answers from the others: AUROC by set of questions.

python bench/evidence.py [EVALDATA] [--work DIR] [--sets law trades …]

Sets of our own: the cases of the project's guide (``cases``; ``check`` are others on it that nothing is tuned to) and
of the invented guides in bench/guides. EVALDATA is a folder with public ones: squad2, mtrag, doc2dial/abstain.
Nothing is fitted here. "facts" is the share of the facts of answerable cases that stand in the answer.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import warnings

from question_sets import ROOT, WORK, Row, published, rows_of, texts_of

from advisor_bot import evaluate
from advisor_bot.answers.advisor import Advisor
from advisor_bot.answers.chain import Asked
from advisor_bot.types import NOBODY

GUIDES = ROOT / "bench" / "guides"
OWN = {
    "cases": (ROOT / "corpus", ROOT / "corpus" / "cases.jsonl"),
    "check": (ROOT / "corpus", ROOT / "bench" / "check.jsonl"),
    **{folder.name: (folder, folder / "cases.jsonl") for folder in sorted(GUIDES.iterdir()) if folder.is_dir()},
}
PUBLIC = {
    "squad2": ("squad2", "questions.jsonl"),
    "mtrag": ("mtrag", "questions.jsonl"),
    "studentaid": ("doc2dial", "abstain.jsonl"),
}


def confidences(built: Advisor, rows: list[Row]) -> list[float]:
    """Return the confidence of each row; documents it excludes are not read."""
    steps, found = built.steps, []
    with built.versions.lease() as guide:
        for row in rows:
            retrieved = steps.retrieve(steps.understand(Asked(row.question, tuple(row.history), NOBODY, guide)))
            evidence = steps.read(retrieved.without(row.exclude)).evidence
            found.append(max((one.answered for one in evidence.values()), default=0.0))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=WORK)
    parser.add_argument("--sets", nargs="+")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in args.sets or [*OWN, *(PUBLIC if args.data else ())]:
        if name in OWN:
            source, cases = OWN[name]
            built = published("guide" if name in ("cases", "check") else name, source, args.work)
            results = evaluate.run(built, evaluate.read_cases(cases))
            print(name, json.dumps(evaluate.summary(results)), flush=True)
        else:
            folder, file = PUBLIC[name]
            texts = texts_of(args.data / folder)
            built = published(name, texts / "studentaid" if name == "studentaid" else texts, args.work)
            rows = rows_of(args.data / folder / file)
            sure = confidences(built, rows)
            sides = [[p for p, row in zip(sure, rows, strict=True) if row.answerable is side] for side in (True, False)]
            print(name, json.dumps({"questions": len(rows), "auroc": evaluate.auroc(*sides)}), flush=True)
        built.versions.close()


if __name__ == "__main__":
    main()
