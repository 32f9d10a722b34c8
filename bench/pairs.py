"""Does a question that stands alone get the same answer after other questions as by itself?

python bench/pairs.py [FILE.jsonl]     # rows {"before": [questions], "q"}; default bench/pairs.jsonl

The questions before are asked for real, their answers are the history. Prints how many answers stay the same, and
which do not.
"""

from __future__ import annotations

import argparse
import json
import pathlib

from question_sets import ROOT, WORK, published

from advisor_bot.types import Turn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=pathlib.Path, default=ROOT / "bench" / "pairs.jsonl")
    args = parser.parse_args()
    built = published("corpus", ROOT / "corpus", WORK)
    rows = [json.loads(line) for line in args.file.read_text(encoding="utf-8").splitlines()]
    changed = []
    for row in rows:
        history: list[Turn] = []
        for question in row["before"]:
            history += [Turn("user", question), Turn("assistant", built.ask(question, history).text)]
        if built.ask(row["q"], history).text != built.ask(row["q"]).text:
            changed.append(row)
    for row in changed:
        print(f"{' / '.join(row['before'])}\n    {row['q']}")
    print(f"same answer: {len(rows) - len(changed)} of {len(rows)}")
    built.versions.close()


if __name__ == "__main__":
    main()
