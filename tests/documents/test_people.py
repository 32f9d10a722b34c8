"""Files as people have them are read as a person reads them: the table of bench/documents.py, without the asking."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "documents.py"))


@pytest.mark.parametrize("situation", BENCH["SITUATIONS"], ids=lambda situation: situation.kind.replace(" ", "-"))
def test_it_is_read_as_it_should_be(situation: Any) -> None:
    assert BENCH["wrong"](situation, BENCH["HERE"]) == []
