"""How likely blind picks lie as near: what tells a choice that was read from one that was not."""

from __future__ import annotations

import random

import pytest

from advisor_bot.llm.plausible import AT_THE_END, by_chance


@pytest.mark.parametrize("picks", [1, 2, 3, 6])
def test_of_blind_choices_no_larger_share_passes_than_the_limit_however_many_picks(picks: int) -> None:
    chance = random.Random(5)
    passed = sum(by_chance([chance.random() for _ in range(picks)]) <= AT_THE_END for _ in range(4_000))
    assert passed / 4_000 == pytest.approx(AT_THE_END, abs=0.02)


def test_one_near_sentence_carries_others_that_are_not() -> None:
    assert by_chance([0.002, 0.4, 0.5]) <= AT_THE_END
    assert by_chance([0.4, 0.5]) > AT_THE_END
    assert by_chance([0.2]) > AT_THE_END
