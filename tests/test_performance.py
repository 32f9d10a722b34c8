"""`make bench`: a part that fails takes no other with it, what people wrote stays, the arithmetic is right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FAILED = {"failed": "no room on the disk", "when": "2026-11-26T20:00", "took": 1.0, "quick": False, "load before": 0.5}


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    from performance import report

    monkeypatch.setattr(report, "PAGE", tmp_path / "performance.md")
    return report


def results(**parts: Any) -> dict[str, Any]:
    from performance.common import machine

    return {"machine": machine(), "parts": parts}


def test_a_failed_part_is_told_with_its_reason_and_what_people_wrote_stays(report: ModuleType) -> None:
    report.PAGE.write_text(f"# Older\n\n{report.BY_HAND}\n\nWritten by hand.\n", "utf-8")
    report.write(results(start=FAILED))
    once = report.PAGE.read_text("utf-8")
    report.write(results(start=FAILED))
    assert report.PAGE.read_text("utf-8") == once
    assert "no room on the disk" in once
    assert once.count("Written by hand.") == 1
    assert "# Older" not in once


def test_a_goal_that_is_missed_is_said_to_be(report: ModuleType) -> None:
    assert report.against(0.4, 0.4) == "0.40 (goal ≤ 0.4)"
    assert "not reached" in report.against(0.41, 0.4)
    assert "not reached" in report.against(1.7, 1.8, least=True)
    assert "not reached" not in report.against(1.8, 1.8, least=True)


def test_machines_for_a_million_a_day_follow_from_the_rate_that_was_borne(report: ModuleType) -> None:
    from performance import paper

    own = {"passages": 100, "disk, MB": 2.0, "memory": {"after": 300.0}}
    large = {"passages": 1_100, "disk, MB": 20.0, "memory": {"after": 310.0}}
    reckoned = {
        what: value
        for what, value, _ in paper.rows({"load": {"knee": 20.0}, "ask": {"guides": {"a": own, "b": large}}})
    }
    assert reckoned["machines of two cores"] == 5  # 34.7 a second, 10 a machine, one to spare
    assert reckoned["GB on disks"] == 1_000
    assert reckoned["GB of memory, were all open"] == pytest.approx(100)
    assert list(paper.rows({"load": {"failed": "no"}, "ask": {"failed": "no"}})) == []


def test_an_unknown_part_is_named_and_nothing_is_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "performance", "--only", "startt"]
    environ = {"PYTHONPATH": f"{ROOT / 'bench'}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    before = (ROOT / "docs" / "performance.json").read_bytes()
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 1
    assert "There is no part startt. Parts: start, ask" in done.stderr
    assert (ROOT / "docs" / "performance.json").read_bytes() == before
    assert set(json.loads(before)["parts"]) <= {"start", "ask", "publish", "load", "soak"}
