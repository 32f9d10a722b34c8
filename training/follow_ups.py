"""Questions asked after others, as the program reads them: what a guide's own questions and the dialogues give.

Three kinds, each with the verdict and the sentences of what is asked last: a turn of a dialogue after what it leans on
or after a question it has nothing to do with, and spelled out by itself; a question after another one of the guide; and
of a pair in nearly the same words, the words that differ ("and the part-time one?") after the other of the two.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from advisor_bot.retrieval.follow_up import after, leant_on

DIALOGUES = Path(__file__).parent / "data" / "dialogues.jsonl"
OPENINGS = ("and {}?", "and {}", "what about {}?", "what about {}", "how about {}?", "{}?", "ok and {}")
FROM_PAIRS, UNRELATED = 8, 4  # of a guide at most
LEAST_SHARED, MOST_OTHER = 2, 5  # words a pair has in common at least, and words in which the two differ at most
Row = Mapping[str, Any]


def follow_ups(name: str, questions: Sequence[Row]) -> list[Row]:
    """Return the rows of the guide ``name`` that are asked after something: ``q``, ``verdict``, ``best``, ``help``."""
    order = random.Random(name)
    pairs = list(_from_pairs(questions, order))
    found = [*_from_dialogues(name), *order.sample(pairs, min(FROM_PAIRS, len(pairs)))]
    if len(questions) > UNRELATED:
        for row in order.sample(list(questions), UNRELATED):
            before = order.choice([other for other in questions if other is not row])
            found.append({**row, "q": after([before["q"]], row["q"])})
    return found


def _from_dialogues(name: str) -> Iterator[Row]:
    for talk in map(json.loads, DIALOGUES.read_text("utf-8").splitlines()):
        said: list[Row] = []
        for turn in talk["turns"]:
            if talk["guide"] != name or turn["verdict"] == "chat":
                continue
            yield {**turn, "q": turn["means"]}
            if said:
                leaning = {one["q"]: float(not one["alone"]) for one in said}
                yield {**turn, "q": after(leant_on([one["q"] for one in said], leaning.__getitem__), turn["q"])}
            said.append(turn)


def _from_pairs(questions: Sequence[Row], order: random.Random) -> Iterator[Row]:
    pairs: dict[int, list[Row]] = {}
    for row in questions:
        if row.get("pair"):
            pairs.setdefault(row["pair"], []).append(row)
    for pair in pairs.values():
        if len(pair) != 2:
            continue
        for before, row in (pair, pair[::-1]):
            if other := _other_words(before["q"].split(), row["q"].split()):
                yield {**row, "q": after([before["q"]], order.choice(OPENINGS).format(other))}


def _other_words(before: Sequence[str], asked: Sequence[str]) -> str:
    """Return the words of ``asked`` that ``before`` has other ones for; empty where the two differ too much."""
    a, b = [word.lower() for word in before], [word.lower() for word in asked]
    shortest = min(len(a), len(b))
    first = next((place for place in range(shortest) if a[place] != b[place]), shortest)
    last = next((place for place in range(shortest - first) if a[-1 - place] != b[-1 - place]), shortest - first)
    mine, theirs = asked[first : len(b) - last], a[first : len(a) - last]
    if first + last < LEAST_SHARED or not 0 < len(mine) <= MOST_OTHER or len(theirs) > MOST_OTHER:
        return ""
    return " ".join(mine).strip("?,.! ")
