"""What a million questions a day and a hundred thousand guides would need: arithmetic from what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator

from performance.common import Figures

DAY = 1_000_000  # questions
BUSIEST = 1 / 8  # share of a day's questions that come in its busiest hour: taken, not measured
PRICE = 30  # a month for two cores and 4 GB at a common provider: taken, in dollars
GUIDES = 100_000
KEPT = 5  # versions


def rows(parts: Figures) -> Iterator[tuple[str, float | str, str]]:
    """Yield what, how much, and how that is reckoned; nothing where the parts are not measured."""
    load, ask = parts.get("load", {}), parts.get("ask", {})
    knee = load.get("knee") or 0.0
    if not knee or "guides" not in ask:
        return
    yield from _questions(knee)
    yield from _guides(ask["guides"])


def _questions(knee: float) -> Iterator[tuple[str, float | str, str]]:
    peak = DAY * BUSIEST / 3600
    machines = math.ceil(peak / (knee / 2)) + 1
    yield "questions a second in the busiest hour", peak, f"{DAY:,} a day, an eighth of them in one hour"
    yield "borne by two cores", knee, "measured above, the visitors' own share of the cores left in"
    yield "machines of two cores", machines, "each at half of what it bears, and one to spare"
    yield "dollars a month", machines * PRICE, f"at {PRICE} a machine, without traffic and disks"
    yield "dollars a million questions", machines * PRICE / 30.4, "a day's share of that"


def _guides(guides: Figures) -> Iterator[tuple[str, float | str, str]]:
    own, *others = guides.values()
    large = max(others, key=lambda one: one["passages"], default=own)
    passages, disk = GUIDES * own["passages"], own.get("disk, MB", 0.0)
    yield "passages of a hundred thousand guides", passages, f"{own['passages']} each, as the project's own"
    yield "GB on disks", GUIDES * KEPT * disk / 1000, f"{disk:.1f} MB a version, {KEPT} versions kept"
    if large["passages"] > own["passages"]:
        each = (large["memory"]["after"] - own["memory"]["after"]) / (large["passages"] - own["passages"])
        total = each * passages / 1000
        yield "GB of memory, were all open", total, f"{1000 * each:.0f} KB a passage, from the growth above"
        yield "vectors in Chroma", passages, "one a passage; sentences are no part of it"
