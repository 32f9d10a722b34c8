"""What publishing would do, before it does it: passages that change, answers that change, and the guard.

Nothing here changes the index.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from advisor_bot import disk
from advisor_bot.errors import GuardError, IndexingError
from advisor_bot.index import changes, versions
from advisor_bot.index.build import build
from advisor_bot.index.content import Content, content_of
from advisor_bot.index.library import newest_sound
from advisor_bot.index.server import place_of
from advisor_bot.index.version import Version
from advisor_bot.models.export import prepare_models
from advisor_bot.models.opening import configured_fingerprint, reader_fingerprint
from advisor_bot.settings import Settings
from advisor_bot.types import Document

LOST_AT_MOST = 0.5  # of the passages, before a publish needs --force
WORSE_AT_MOST = 0.05  # of the score on the case file, before a publish needs --force
Ask = Callable[[Path, Path], "Answers"]  # given two index folders, the live one and the planned one


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to a case file in two versions: those that differ, the number asked, both scores (0..1)."""

    changed: tuple[dict[str, Any], ...]
    asked: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What publishing would do. Counts are passages; ``embed`` is how many texts need a new vector.

    ``reasons`` say why everything must be rebuilt (another model, another chunk length); empty if it need not.
    ``answers`` compares the answers to the case file, None where no cases were asked.
    """

    parent: str
    documents: tuple[changes.DocumentChanges, ...]
    embed: int
    reasons: tuple[str, ...] = ()
    answers: Answers | None = None
    same: bool = False
    text_before: int = 0
    text_after: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many passages are added, changed, moved, removed, unchanged."""
        kinds: tuple[changes.Kind, ...] = ("added", "changed", "moved", "removed")
        counted = {str(kind): sum(document.count(kind) for document in self.documents) for kind in kinds}
        return counted | {"unchanged": sum(document.unchanged for document in self.documents)}

    def as_json(self) -> dict[str, Any]:
        """Return the plan as ``--dry-run --json`` prints it."""
        return {
            **self.counts,
            "embed": self.embed,
            "parent": self.parent,
            "reasons": list(self.reasons),
            "documents": [changes.as_json(document) for document in self.documents],
            "answers": list(self.answers.changed) if self.answers else [],
            "asked": self.answers.asked if self.answers else 0,
            "score": [self.answers.before, self.answers.after] if self.answers else [],
        }

    @property
    def touched(self) -> float:
        """The share of passages, old and new, that are added, changed, moved or removed."""
        counts = self.counts
        total = sum(counts.values())
        return (total - counts["unchanged"]) / total if total else 0.0


def plan(documents: Sequence[Document], settings: Settings, *, ask: Ask | None = None) -> Plan:
    """Return what publishing ``documents`` would do to the live version; nothing is written.

    ``ask``, where given, asks the cases of both versions; the planned one is built in a temporary folder for that.
    A live version made with another reader cannot be asked any more: answers are not compared then.
    """
    place_of(settings).complete()
    with live_version(settings.index_folder) as old:
        content = would_hold(documents, settings, old)
        planned = plan_of(old, content, settings)
        if ask is None or planned.same or old is None or not content.chunks or not can_be_asked(old):
            return planned
        with _aside() as aside:
            models = prepare_models(settings, say=lambda _: None)
            name = build(aside, content, models, parent="", summary={}, progress=lambda *_: None)
            versions.point(aside, name, "plan")
            return replace(planned, answers=ask(settings.index_folder, aside))


def guard(planned: Plan, place: str = "the guide") -> None:
    """Raise ``GuardError`` when publishing would lose more than half of the guide, or answer much worse."""
    counts = planned.counts
    before = counts["removed"] + counts["changed"] + counts["moved"] + counts["unchanged"]
    lost = counts["removed"] / before if before else 0.0
    if planned.reasons:  # cut anew, so passages cannot be told apart; the text's length can
        lost = 1 - planned.text_after / planned.text_before if planned.text_before else 0.0
    if lost > LOST_AT_MOST:
        raise GuardError(
            f"{place} lost {lost:.0%} of its text ({counts['removed']} of {before} passages); nothing was published, "
            f"{planned.parent} stays live. Add --force if that is meant."
        )
    asked = planned.answers
    if asked and asked.before - asked.after > WORSE_AT_MOST:
        raise GuardError(
            f"{place} would answer worse: its score on {asked.asked} cases falls from {asked.before:.2f} to "
            f"{asked.after:.2f}; nothing was published, {planned.parent} stays live. Add --force if that is meant."
        )


def would_hold(documents: Sequence[Document], settings: Settings, old: Version | None) -> Content:
    """Return what a version of ``documents`` would hold; ``old`` is where encoded texts are looked for."""
    models = configured_fingerprint(settings), reader_fingerprint()
    return content_of(documents, *models, settings.chunk_chars, [old] if old else [])


def plan_of(old: Version | None, content: Content, settings: Settings) -> Plan:
    """Compare ``content`` with the live version ``old``."""
    reasons = []
    if old and old.fingerprint != content.encoder:
        reasons.append(f"the embedding model is another ({old.manifest['encoder_name']} before)")
    if old and old.reader != content.reader:
        reasons.append("the reader that ships with the program is another")
    if old and old.manifest["chunk_chars"] != settings.chunk_chars:
        reasons.append(f"the chunk length is {settings.chunk_chars} ({old.manifest['chunk_chars']} before)")
    return Plan(
        parent=old.name if old else "",
        documents=changes.compare(old.chunks if old else (), content.chunks),
        embed=content.to_encode,
        reasons=tuple(reasons),
        same=old is not None and old.manifest["content"] == content.hash,
        text_before=sum(len(document.text) for document in old.documents.values()) if old else 0,
        text_after=sum(len(document.text) for document in content.documents),
    )


def can_be_asked(version: Version) -> bool:
    """Tell whether this program's reader can read ``version``."""
    return version.reader == reader_fingerprint()


@contextlib.contextmanager
def live_version(folder: Path) -> Iterator[Version | None]:
    """Lend the newest version that can be read, None where there is none: then all is built anew."""
    try:
        version = newest_sound(folder, Version)
    except IndexingError:
        yield None
        return
    try:
        yield version
    finally:
        version.close()


@contextlib.contextmanager
def _aside() -> Iterator[Path]:
    """Lend a temporary index folder."""
    with tempfile.TemporaryDirectory(prefix="advisor-plan-") as temporary:
        (Path(temporary) / "versions").mkdir()
        yield Path(temporary)


def with_answers(folder: Path, name: str, planned: Plan, ask: Ask) -> Plan:
    """Put the cases to the version just built; where the guard stops it, it is removed again."""
    try:
        with _aside() as aside:
            versions.path_of(aside, name).symlink_to(versions.path_of(folder, name).absolute())
            versions.point(aside, name, "plan")
            planned = replace(planned, answers=ask(folder, aside))
        guard(planned)
    except BaseException:
        disk.remove(versions.path_of(folder, name))
        raise
    return planned
