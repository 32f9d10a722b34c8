"""Questions on one cell of a table: is it answered with the right row, its values beside their names?

``python bench/cells.py [--together]``: forty questions over eight tables in Markdown, HTML, Word and PDF, each asked
of a guide that holds its table alone, or of one that holds all eight. ``right`` wants the row and the cell with its
name in the answer's first paragraph, ``shown`` anywhere in it, ``covered`` that it is called an answer.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from advisor_bot import assemble
from advisor_bot.index.publish import publish, read_guide
from advisor_bot.settings import Settings
from advisor_bot.types import Answer

ROOT = Path(__file__).parent.parent
TABLES = ROOT / "tests" / "documents" / "tables"


def answers(paths: Sequence[Path], cases: Sequence[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Answer]]:
    """Publish ``paths`` and ask each case."""
    with tempfile.TemporaryDirectory() as index:
        settings = Settings(index=Path(index))
        publish(read_guide(paths, settings).documents, settings)
        advisor = assemble.advisor(settings)
        yield from [(case, advisor.ask(case["question"])) for case in cases]
        advisor.versions.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--together", action="store_true")
    together = parser.parse_args().together
    cases = [json.loads(line) for line in (ROOT / "bench" / "cells.jsonl").read_text().splitlines()]
    files = list(dict.fromkeys(case["file"] for case in cases))
    groups = [files] if together else [[file] for file in files]
    counts = {"right": 0, "shown": 0, "covered": 0}
    for group in groups:
        own = [case for case in cases if case["file"] in group]
        for case, answer in answers([TABLES / file for file in group], own):
            stated = [segment.text for segment in answer.segments if segment.kind in ("paragraph", "item", "row")]
            hits = [case["row"] in text and case["cell"] in text for text in stated]
            counts["right"] += hits[:1] == [True]
            counts["shown"] += any(hits)
            counts["covered"] += answer.status == "answered"
            if hits[:1] != [True]:
                print(f"{case['file']}: {case['question']} -> {answer.status} {answer.confidence:.2f}: {stated}")
    print(", ".join(f"{name} {count} of {len(cases)}" for name, count in counts.items()))


if __name__ == "__main__":
    main()
