"""Remakes docs/pictures/preview.svg: what ``ingest_command.py --dry-run`` prints, from the program itself.

.venv/bin/python docs/make_preview.py
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI

from advisor_bot import ingest_output
from advisor_bot.index.plan import plan
from advisor_bot.index.publish import publish, read_guide
from advisor_bot.settings import Settings

PICTURE = Path(__file__).parent / "pictures" / "preview.svg"
BEFORE = """# Paying for your studies

## Tuition

A term costs 900 euros in the first year. The fee is due two weeks before the term begins.

Whoever pays late loses the place in the laboratory courses and has to wait for a year.

## Grants

Grants are paid in spring. Ask the study office for the form before the end of February.
"""
AFTER = (
    BEFORE.replace("900 euros", "950 euros")
    .replace("two weeks", "three weeks")
    .replace(
        "\n## Grants",
        "\n## Loans\n\nLoans without interest are given by the students' union, up to 4,000 euros.\n\n## Grants",
    )
)


def main() -> None:
    """Publish one guide, plan another, and draw what the command prints of it."""
    console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True, highlight=False)
    with tempfile.TemporaryDirectory() as temporary:
        corpus = Path(temporary, "corpus")
        corpus.mkdir()
        settings = Settings(corpus=corpus, index=Path(temporary, "index"))
        (corpus / "money.md").write_text(BEFORE, "utf-8")
        publish(read_guide([corpus], settings).documents, settings, say=lambda line: sys.stderr.write(line + "\n"))
        (corpus / "money.md").write_text(AFTER, "utf-8")
        console.print("$ python ingest.py --dry-run", markup=False, style="dim")
        ingest_output.print_plan(console, plan(read_guide([corpus], settings).documents, settings))
    # rich's own frame asks another server for a font; this one stays with the reader's.
    start, end = CONSOLE_SVG_FORMAT.index("    @font-face"), CONSOLE_SVG_FORMAT.index("    .{unique_id}-matrix")
    frame = CONSOLE_SVG_FORMAT[:start] + CONSOLE_SVG_FORMAT[end:]
    console.save_svg(
        str(PICTURE), title="Preview of an update", theme=DIMMED_MONOKAI, code_format=frame, unique_id="preview"
    )


if __name__ == "__main__":
    main()
