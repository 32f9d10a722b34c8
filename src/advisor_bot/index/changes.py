"""What changed between two versions of the guide, passage by passage and word by word. Pure functions."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from advisor_bot.types import Chunk

ALIKE = 0.5  # share of words two passages have in common for one to be the other, changed
PAIRS_COMPARED = 40_000  # beyond this many pairs a group is matched no further: preview stays fast
_WORD = re.compile(r"\S+\s*")

Kind = Literal["added", "changed", "moved", "removed"]


@dataclass(frozen=True, slots=True)
class Change:
    """A passage that differs; ``before`` is None for an added one, ``after`` is None for a removed one."""

    kind: Kind
    before: Chunk | None
    after: Chunk | None

    @property
    def document(self) -> str:
        """The document it stands in now, or stood in."""
        return self._either.document

    @property
    def heading(self) -> tuple[str, ...]:
        """The heading path it stands under now, or stood under."""
        return self._either.heading

    @property
    def words(self) -> list[tuple[str, str]]:
        """The words of both, in order, as (``same``, ``removed`` or ``added``, text)."""
        return word_changes(self.before.text if self.before else "", self.after.text if self.after else "")

    @property
    def _either(self) -> Chunk:
        chunk = self.after or self.before
        assert chunk is not None  # noqa: S101 - a change has one or both
        return chunk


@dataclass(frozen=True, slots=True)
class DocumentChanges:
    """The changes in one document, in its order, and how many of its passages stay as they are."""

    name: str
    changes: tuple[Change, ...]
    unchanged: int
    is_new: bool
    is_gone: bool

    def count(self, kind: Kind) -> int:
        """Return how many passages were ``kind``."""
        return sum(change.kind == kind for change in self.changes)


def compare(old: Sequence[Chunk], new: Sequence[Chunk]) -> tuple[DocumentChanges, ...]:
    """Return what happened to the passages, document by document, by name.

    A passage is *moved* when the same text stands elsewhere or in another order, *changed* when another passage
    shares at least half of its words, in the same section if possible.
    """
    stayed = {chunk.id for chunk in old} & {chunk.id for chunk in new}
    at_old = {chunk.id: chunk for chunk in old}
    out_of_order = _out_of_order([c for c in old if c.id in stayed], [c for c in new if c.id in stayed])
    changes = [Change("moved", at_old[chunk.id], chunk) for chunk in new if chunk.id in out_of_order]
    gone = [chunk for chunk in old if chunk.id not in stayed]
    come = [chunk for chunk in new if chunk.id not in stayed]
    for kind, key, threshold in _MATCHES:
        pairs = _pairs(gone, come, key, threshold)
        changes += [Change(kind, before, after) for before, after in pairs]
        gone = _without(gone, (before for before, _ in pairs))
        come = _without(come, (after for _, after in pairs))
    changes += [Change("removed", chunk, None) for chunk in gone] + [Change("added", None, chunk) for chunk in come]
    unchanged = Counter(chunk.document for chunk in new if chunk.id in stayed - out_of_order)
    return _by_document(changes, unchanged, {c.document for c in old}, {c.document for c in new})


def word_changes(before: str, after: str) -> list[tuple[str, str]]:
    """Return the words of both texts in order as (``same``, ``removed`` or ``added``, text)."""
    left, right = _WORD.findall(before), _WORD.findall(after)
    found = []
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(("same", "".join(left[a:b])))
            continue
        found += [("removed", "".join(left[a:b]))] if b > a else []
        found += [("added", "".join(right[c:d]))] if d > c else []
    return found


def as_json(document: DocumentChanges) -> dict[str, Any]:
    """Return one document's changes as plain dicts and lists."""
    kinds: tuple[Kind, ...] = ("added", "changed", "moved", "removed")
    return {
        "name": document.name,
        "status": _status(document),
        **{kind: [_change_json(c) for c in document.changes if c.kind == kind] for kind in kinds},
        "unchanged": document.unchanged,
    }


def _status(document: DocumentChanges) -> str:
    if document.is_new or document.is_gone:
        return "added" if document.is_new else "removed"
    return "changed" if document.changes else "unchanged"


def _change_json(change: Change) -> dict[str, Any]:
    row: dict[str, Any] = {"heading": list(change.heading)}
    for side, chunk in (("before", change.before), ("after", change.after)):
        if chunk:
            row[side] = {"id": chunk.id, "document": chunk.document, "heading": list(chunk.heading), "text": chunk.text}
    if change.kind == "changed":
        row["words"] = [list(pair) for pair in change.words]
    return row


def _by_document(
    changes: Iterable[Change], unchanged: Counter[str], old: set[str], new: set[str]
) -> tuple[DocumentChanges, ...]:
    grouped: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        grouped[change.document].append(change)
    return tuple(
        DocumentChanges(
            name,
            tuple(sorted(grouped[name], key=lambda change: (change.after or change.before or _NOWHERE).start)),
            unchanged[name],
            name not in old,
            name not in new,
        )
        for name in sorted(old | new)
    )


def _out_of_order(old: Sequence[Chunk], new: Sequence[Chunk]) -> set[str]:
    """Return the ids that must move for the rest to stand in the old order (all but a longest rising run)."""
    place = {chunk.id: number for number, chunk in enumerate(old)}
    tails: list[int] = []  # the smallest last place of a rising run of each length
    ends: list[str] = []
    before: dict[str, str | None] = {}
    for chunk in new:
        length = bisect_left(tails, place[chunk.id])
        before[chunk.id] = ends[length - 1] if length else None
        tails[length : length + 1] = [place[chunk.id]]
        ends[length : length + 1] = [chunk.id]
    kept: set[str] = set()
    last = ends[-1] if ends else None
    while last:
        kept.add(last)
        last = before[last]
    return {chunk.id for chunk in new} - kept


def _pairs(
    gone: Sequence[Chunk], come: Sequence[Chunk], key: Callable[[Chunk], Hashable], threshold: float
) -> list[tuple[Chunk, Chunk]]:
    """Pair passages of the same group, the most alike first, each used once."""
    groups: dict[Hashable, tuple[list[Chunk], list[Chunk]]] = defaultdict(lambda: ([], []))
    for side, chunks in enumerate((gone, come)):
        for chunk in chunks:
            groups[key(chunk)][side].append(chunk)
    return [pair for before, after in groups.values() for pair in _alike(before, after, threshold)]


def _alike(before: list[Chunk], after: list[Chunk], threshold: float) -> list[tuple[Chunk, Chunk]]:
    if threshold >= 1:
        return list(zip(before, after, strict=False))
    if len(before) * len(after) > PAIRS_COMPARED:
        return []
    bags = [Counter(chunk.text.split()) for chunk in before], [Counter(chunk.text.split()) for chunk in after]
    scored = [
        (-shared, abs(a - b), a, b)
        for a, left in enumerate(bags[0])
        for b, right in enumerate(bags[1])
        if (shared := _shared(left, right)) >= threshold
    ]
    pairs, used = [], (set[int](), set[int]())
    for _, _, a, b in sorted(scored):
        if a not in used[0] and b not in used[1]:
            used[0].add(a)
            used[1].add(b)
            pairs.append((before[a], after[b]))
    return pairs


def _shared(left: Counter[str], right: Counter[str]) -> float:
    total = left.total() + right.total()
    return 2 * (left & right).total() / total if total else 1.0


def _without(chunks: Sequence[Chunk], taken: Iterable[Chunk]) -> list[Chunk]:
    ids = {chunk.id for chunk in taken}
    return [chunk for chunk in chunks if chunk.id not in ids]


_NOWHERE = Chunk("", "", (), 0, 0, "", ())
# How passages that are not where they were are matched with new ones, in this order: the same words
# elsewhere in the document, in another document; alike words in the section, the document, anywhere.
_MATCHES: tuple[tuple[Kind, Callable[[Chunk], Hashable], float], ...] = (
    ("moved", lambda chunk: (chunk.document, chunk.text), 1.0),
    ("moved", lambda chunk: chunk.text, 1.0),
    ("changed", lambda chunk: (chunk.document, chunk.heading), ALIKE),
    ("changed", lambda chunk: chunk.document, ALIKE),
    ("changed", lambda _: None, ALIKE),
)
