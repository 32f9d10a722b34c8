"""How much of what answers a question is read: coverage and mrr of the retrieval stage on public question sets.

python bench/retrieve.py EVALDATA [--work DIR] [--sets doc2dial squad2 …] [--read 2000]

EVALDATA holds SET/questions.jsonl with SET/docs or SET/passages.jsonl, and the scorer score_search.py. Each set is
published into DIR once. "foreign history" asks the questions that had none after another conversation: a change of
topic must not drag them off. With EVALDATA/SET/rewrite.jsonl, follow-ups are also asked raw, glued to the turns
before, resolved by our rules, and as a person rewrote them.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

from question_sets import WORK, Row, foreign, published, rows_of, texts_of

from advisor_bot.answers.advisor import Advisor
from advisor_bot.errors import QuestionError
from advisor_bot.types import as_json


def main() -> None:
    """Print a line of figures for each set and way of asking."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=WORK)
    parser.add_argument("--sets", nargs="+", default=["doc2dial", "squad2", "mtrag"])
    parser.add_argument("--read", type=int, default=2000, help="characters read")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in args.sets:
        folder = args.data / name
        built = published(name, texts_of(folder), args.work)
        rows = rows_of(folder / "questions.jsonl")
        score(built, rows, "as asked", folder, args)
        if any(row.history for row in rows):
            bare = [replace(row, history=()) for row in rows]
            score(built, bare, "history left out", folder, args)
            fresh = [row for row in rows if not row.history]
            score(built, fresh, "no history", folder, args, subset=True)
            score(built, list(foreign(rows)), "foreign history", folder, args, subset=True)
        if (folder / "rewrite.jsonl").exists():
            rewritten(built, rows_of(folder / "rewrite.jsonl"), folder, args)


def rewritten(built: Advisor, rows: list[Row], folder: pathlib.Path, args: argparse.Namespace) -> None:
    """Score the follow-ups of rewrite.jsonl asked in four ways."""
    ways: dict[str, Callable[[Row], Row]] = {
        "follow-up, raw": lambda row: replace(row, history=()),
        "follow-up, glued": lambda row: replace(
            row, history=(), question=" ".join([*(turn.text for turn in row.history), row.question])[-2000:]
        ),
        "follow-up, resolved": lambda row: row,
        "follow-up, by people": lambda row: replace(row, history=(), question=row.rewritten),
    }
    for label, way in ways.items():
        score(built, [way(row) for row in rows], label, folder, args, file="rewrite.jsonl", subset=True)


def score(
    built: Advisor,
    rows: list[Row],
    label: str,
    folder: pathlib.Path,
    args: argparse.Namespace,
    file: str = "questions.jsonl",
    subset: bool = False,
) -> None:
    """Ask ``rows`` and let the scorer of the data judge what was read."""
    with tempfile.TemporaryDirectory() as scratch:
        place = pathlib.Path(scratch)
        found = place / "found.jsonl"
        began = time.perf_counter()
        with found.open("w", encoding="utf-8") as out:
            for row in rows:
                try:
                    passages = built.search(row.question, row.history)
                except QuestionError:
                    passages = []
                out.write(json.dumps({"id": row.id, "passages": [as_json(p) for p in passages]}) + "\n")
        each = (time.perf_counter() - began) / max(1, len(rows))
        target = place / folder.name
        target.mkdir()
        wanted = {row.id for row in rows}
        lines = [json.loads(line) for line in (folder / file).open(encoding="utf-8")]
        kept = [r | {"answerable": r.get("answerable", True)} for r in lines if not subset or r["id"] in wanted]
        kept = [r for r in kept if r.get("gold_in_passages", True)]
        (target / "questions.jsonl").write_text("".join(json.dumps(r) + "\n" for r in kept), encoding="utf-8")
        scorer = [sys.executable, str(args.data / "score_search.py"), str(target), str(found), "--budget"]
        said = json.loads(subprocess.run([*scorer, str(args.read)], check=True, capture_output=True, text=True).stdout)
    print(
        f"{folder.name:10} {label:22} questions {said['questions']:4}  coverage {said['coverage']:.3f}  "
        f"hit {said['hit']:.3f}  mrr {said['mrr']:.3f}  {1000 * each:.0f} ms a question",
        flush=True,
    )


if __name__ == "__main__":
    main()
