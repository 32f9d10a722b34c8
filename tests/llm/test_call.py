"""The breaker rests and tries again; the ledger counts tokens and money by the day and keeps to the caps."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor_bot.llm.call import FAILURES, LONGEST_REST, REST, Breaker, Ledger


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_breaker_opens_after_some_failures_and_lets_one_call_try_after_a_rest() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.allows()
        breaker.failed()
    assert not breaker.allows()
    clock.now += REST + 1
    assert [breaker.allows(), breaker.allows()] == [True, False]
    breaker.succeeded()
    assert [breaker.allows(), breaker.allows()] == [True, True]


def test_each_failed_try_doubles_the_rest_up_to_a_limit() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        breaker.failed()
    waits = []
    for _ in range(8):
        before = clock.now
        while not breaker.allows():
            clock.now += 5
        waits.append(clock.now - before)
        breaker.failed()
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(REST, abs=5)
    assert waits[-1] == pytest.approx(LONGEST_REST, abs=5)


def test_a_provider_that_asks_for_a_rest_gets_it_at_once() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    breaker.failed(rest=100)
    assert not breaker.allows()
    clock.now = 101
    assert breaker.allows()


def test_a_student_who_leaves_during_the_try_does_not_lock_the_breaker() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    breaker.failed(rest=30)
    clock.now = 31
    assert breaker.allows()
    breaker.untouched()
    assert breaker.allows()


def test_tokens_and_cost_are_capped_by_the_day_and_kept_over_a_restart(tmp_path: Path) -> None:
    day = ["2026-01-01"]
    file = tmp_path / "usage.json"
    ledger = Ledger(daily_tokens=1000, file=file, today=lambda: day[0])
    ledger.spend(600, 100)
    assert ledger.affords(200, 100)
    assert not ledger.affords(200, 101)
    again = Ledger(daily_tokens=1000, file=file, today=lambda: day[0])
    assert again.spent[:2] == (600, 100)
    day[0] = "2026-01-02"
    assert again.affords(900, 100)
    assert again.spent == (0, 0, 0.0)


def test_the_cost_follows_the_prices() -> None:
    ledger = Ledger(daily_cost=1.0, prices=(1.0, 4.0))
    ledger.spend(500_000, 100_000)
    assert ledger.spent[2] == pytest.approx(0.9)
    assert ledger.affords(100_000, 0)
    assert not ledger.affords(0, 50_000)
    assert [one.samples[0].value for one in ledger.collect() if one.name == "advisor_model_cost_today"] == [0.9]


def test_a_damaged_or_unwritable_file_is_no_reason_to_stop(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "usage.json"
    file.write_text("[not an object")
    assert Ledger(file=file).spent == (0, 0, 0.0)
    file.write_text('["a list"]')
    assert Ledger(file=file).spent == (0, 0, 0.0)
    ledger = Ledger(file=tmp_path / "missing" / "usage.json")
    ledger.spend(1, 1)
    ledger.spend(1, 1)
    assert ledger.spent[:2] == (2, 2)
    assert len(caplog.records) == 1
