"""Whether a choice can come of reading: how likely blind picks would please the reader as much.

Who reads picks sentences near those that the reader would pick, not all of them, and not always the very nearest. So a
choice is judged whole: its sentences' ranks among those the model could choose from, put together by Fisher's method.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from advisor_bot.answers.stages import Brief
from advisor_bot.models.opening import card
from advisor_bot.types import Status

AT_ONCE, AT_THE_END = 0.05, 0.15  # share of blind choices that may pass: while one comes, once it is whole
MOST_READ = 240  # sentences that stand for all those shown
FEWEST = 10  # of so few sentences none can be called far


class Yardstick:
    """Holds a choice against the reader's ranks. Nothing is read before the first is asked for."""

    def __init__(self, brief: Brief, shown: Collection[int]) -> None:
        """Take the question and the numbers of the sentences that the model was shown."""
        self._guide = brief.guide
        self._ways = dict.fromkeys([brief.standalone] if brief.language else [brief.question, brief.standalone])
        self._shown = sorted(shown)[:: -(-len(shown) // MOST_READ) or 1]
        self._helps: dict[tuple[str, tuple[int, ...]], NDArray[np.float32]] = {}

    def chance(self, numbers: Sequence[int]) -> float:
        """Return the probability (0..1) that as many blind picks lie as near to the question; 1 for none."""
        picked = tuple(dict.fromkeys(numbers))
        return min(by_chance(self._shares(way, picked)) for way in self._ways) if picked else 1.0

    def status(self, question: str) -> Status:
        """Return what the reader makes of ``question`` with the sentences shown."""
        verdict, limits = self._guide.read(question, self._shown), card()["limits"]
        if verdict.answered >= limits["answered"]:
            return "answered"
        return "partial" if verdict.helped >= limits["helped"] else "not_covered"

    def _shares(self, way: str, picked: tuple[int, ...]) -> list[float]:
        """Return for each sentence picked the share of those shown that help more, of equals half."""
        read = [*self._shown, *(number for number in picked if number not in self._shown)]
        if (way, tuple(read)) not in self._helps:
            self._helps[way, tuple(read)] = self._guide.read(way, read).helps  # scores compare within one reading only
        helps = self._helps[way, tuple(read)]
        above = [float((helps > helps[read.index(number)]).sum()) for number in picked]
        return [(one + 0.5) / max(FEWEST, len(read)) for one in above]


def by_chance(shares: Sequence[float]) -> float:
    """Return the probability that as many numbers drawn evenly from 0..1 have no greater product than ``shares``."""
    far = -sum(math.log(share) for share in shares)
    return math.exp(-far) * sum(far**k / math.factorial(k) for k in range(len(shares)))
