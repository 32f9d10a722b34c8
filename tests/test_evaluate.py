"""Case files: sound, read line by line, and a bad line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor_bot import evaluate
from advisor_bot.text import plain

CASES = Path(__file__).resolve().parents[1] / "corpus" / "cases.jsonl"


def test_the_case_file_is_sound_and_large_enough() -> None:
    cases = evaluate.read_cases(CASES)
    assert len(cases) >= 160
    assert len({case.id for case in cases}) == len(cases)
    assert 0.4 < sum(case.half == "a" for case in cases) / len(cases) < 0.6
    guide = " ".join(plain(line) for line in (CASES.parent / "guide.md").read_text("utf-8").split("\n")).lower()
    for case in cases:
        assert all(any(" ".join(x.lower().split()) in guide for x in fact) for fact in case.facts), case.id


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        '{"id": 1}',
        '{"id": "a", "question": "q", "answerable": true, "history": [1]}',
        '{"id": "a", "question": " ", "answerable": true}',
        '{"id": "a", "question": 5, "answerable": true}',
    ],
)
def test_a_bad_case_file_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text('{"id": "ok", "question": "q", "answerable": false}\n' + line)
    with pytest.raises(evaluate.LoadError, match=r"cases\.jsonl, line 2"):
        evaluate.read_cases(file)
