"""Ingest says of each file what was read and what was not."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor_bot.documents.load import load
from advisor_bot.documents.report import report

FILES = Path(__file__).parent / "files"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("table.md", "table.md: 1 section, 4 sentences, 1 table"),
        ("strike.html", "strike.html: 1 section, 3 sentences; not read: 4 struck-out text"),
        ("twopages.pdf", "twopages.pdf: 1 section, 1 sentence, 2 pages; not read: 4 running titles or page numbers"),
        ("accordion.html", "accordion.html: 3 sections, 4 sentences"),
    ],
)
def test_a_file_is_told_in_one_line(name: str, line: str) -> None:
    (document,) = load([FILES / name]).documents
    assert str(report(document)) == line
