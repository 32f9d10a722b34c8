"""Are the report's groups coherent? Replay a public set's questions through a journal, and look who stands together.

    python bench/lacking.py FOLDER [--questions 400]

FOLDER holds ``questions.jsonl`` with rows {"question", "answerable", "meta": {"article", "near_passage"}}. Questions
without an answer are kept as a server would keep them (not covered), read back and grouped by the report. Judged: the
share of pairs within a group that come from the same article, and from the same passage, against chance.
"""

from __future__ import annotations

import argparse
import datetime
import json
import pathlib
import random
import sys
import tempfile
from collections.abc import Iterable, Sequence
from itertools import combinations

from question_sets import ROOT
from sqlalchemy import insert

from advisor_bot.assemble import advisor
from advisor_bot.journal import report
from advisor_bot.journal.tables import open_engine, prepare, questions
from advisor_bot.settings import Settings


def replayed(rows: Sequence[dict], file: pathlib.Path) -> list[report.Kept]:
    engine, now = open_engine(f"sqlite:///{file}"), datetime.datetime.now(datetime.UTC)
    prepare(engine)
    same = {"status": "not_covered", "confidence": 0.1, "writer": "quotes", "version": "v", "milliseconds": 9}
    same |= {"passages": [], "sections": [], "thumb": "", "reason": "", "words": ""}
    with engine.begin() as connection:
        for n, row in enumerate(rows):
            connection.execute(insert(questions).values(id=str(n), at=now, question=row["question"], **same))
    kept = report.read(engine, now - datetime.timedelta(days=1))
    engine.dispose()
    return kept


def share(pairs: Iterable[tuple[str, str]], of: dict[str, str]) -> tuple[float, int]:
    alike = [of[one] == of[other] for one, other in pairs]
    return (sum(alike) / len(alike) if alike else 0.0), len(alike)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, nargs="?")
    parser.add_argument("--questions", type=int, default=400)
    given = parser.parse_args()
    file = given.folder / "questions.jsonl" if given.folder else None
    if file is None or not file.is_file():
        sys.exit("Skipped: name the folder of a public question set, with questions.jsonl in it.")
    read = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    lacking = [row for row in read if not row["answerable"] and row["meta"].get("near_passage")]
    chosen = random.Random(5).sample(lacking, min(given.questions, len(lacking)))
    with tempfile.TemporaryDirectory() as folder:
        kept = replayed(chosen, pathlib.Path(folder) / "journal.db")
    built = advisor(Settings(index=ROOT / ".advisor"))
    with built.versions.lease() as guide:
        groups = report.groups(kept, guide)
    built.versions.close()
    several = [group.questions for group in groups if len(group.questions) > 1]
    print(f"{len(chosen)} questions, {len(several)} groups of {sum(map(len, several))} questions")
    for name, key in (("article", "article"), ("passage", "near_passage")):
        of = {row["question"]: row["meta"][key] for row in chosen}
        inside, n = share((pair for members in several for pair in combinations(members, 2)), of)
        chance, _ = share(combinations(of, 2), of)
        print(f"same {name}: {inside:.1%} of {n} pairs within a group, {chance:.1%} of all pairs")


if __name__ == "__main__":
    main()
