"""From a folder of text to the live version: plan, guard, publish, roll back, list, prune, watch.

The functions return values and print nothing; ``ingest_output.py`` prints.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from advisor_bot import disk
from advisor_bot.documents.load import Loaded, load
from advisor_bot.errors import GuardError, IndexingError, LoadError
from advisor_bot.index import changes, versions
from advisor_bot.index.build import Content, Progress, build, content_of
from advisor_bot.index.library import newest_sound
from advisor_bot.index.server import place_of
from advisor_bot.index.version import Version
from advisor_bot.models.export import ensure_models, prepare_models
from advisor_bot.models.opening import configured_fingerprint, reader_fingerprint
from advisor_bot.settings import Settings
from advisor_bot.types import Document

READ_TRIES = 5
LOST_AT_MOST = 0.5  # of the passages, before a publish needs --force
WORSE_AT_MOST = 0.05  # of the score on the case file, before a publish needs --force
ASKED_FROM = 0.05  # share of passages an update must touch before a publish takes the time to ask the cases
Say = Callable[[str], None]
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


@dataclass(frozen=True, slots=True)
class Published:
    """The outcome of a publish or rollback: the version that is live now, and whether it was not live before."""

    version: str
    changed: bool
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A row of ``--list``: one kept version; ``changes`` counts what it changed in its parent."""

    name: str
    created: str
    parent: str
    passages: int
    documents: int
    changes: dict[str, int]
    live: bool
    problem: str = ""


def read_guide(paths: Sequence[Path], settings: Settings) -> Loaded:
    """Read the guide; read it again if a file changed meanwhile. Raises ``LoadError`` if they keep changing."""
    for _ in range(READ_TRIES):
        before = _stamps(paths)
        loaded = load(paths, max_bytes=settings.max_file_mb * 1_000_000)
        if _stamps(paths) == before:
            return loaded
    raise LoadError(f"{paths[0]} keeps changing while it is read. Try again when it rests.")


def plan(documents: Sequence[Document], settings: Settings, *, ask: Ask | None = None) -> Plan:
    """Return what publishing ``documents`` would do to the live version; nothing is written.

    ``ask``, where given, asks the cases of both versions; the planned one is built in a temporary folder for that.
    """
    place_of(settings).complete()
    with _live_version(settings.index_folder) as old:
        content = _content(documents, settings, old)
        planned = _plan(old, content, settings)
        if ask is None or planned.same or old is None or not content.chunks:
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


def publish(
    documents: Sequence[Document],
    settings: Settings,
    *,
    force: bool = False,
    say: Say = lambda _: None,
    progress: Progress = lambda *_: None,
    ask: Ask | None = None,
    ask_from: float = 0.0,
) -> Published:
    """Make ``documents`` the live version; where nothing changed, nothing is published.

    The old version stays live until the new one is complete and on the disk. If the update touches more than the
    share ``ask_from`` of the passages, ``ask`` first asks the cases of both versions.

    Raises ``GuardError`` for an empty guide; also, unless ``force`` is set, for one that lost more than half of its
    text or answers much worse. Raises ``IndexingError`` when the folder cannot be written, ``EncoderError`` when the
    model cannot be used.
    """
    place = place_of(settings)
    folder = place.folder
    with _writing(folder), versions.locked(folder, say):
        place.begin()
        with _live_version(folder) as old:
            content = _content(documents, settings, old)
            planned = _plan(old, content, settings)
            if not content.chunks:
                raise GuardError(f"There is no text to publish; {_stays(old)}.")
            if planned.same and old is not None:
                ensure_models(settings, say=say)
                if versions.live(folder) != old.name:
                    place.point(old.name, "restore")
                return Published(old.name, changed=False, plan=planned)
            if not force:
                guard(planned)
            models = prepare_models(settings, say=say)
            name = build(folder, content, models, parent=planned.parent, summary=planned.counts, progress=progress)
            if ask and old is not None and not force and planned.touched > ask_from:
                planned = _asked(folder, name, planned, ask)
            place.add(name, say)
        place.point(name, "publish")
        prune(place, settings.keep)
    return Published(name, changed=True, plan=planned)


def rollback(settings: Settings, to: str = "", *, say: Say = lambda _: None) -> Published:
    """Make an older version live again: ``to`` (a name or a sequence number), or the live one's parent.

    Raises ``IndexingError`` when there is no such version or it is damaged; the live one then stays.
    """
    place = place_of(settings)
    folder = place.folder
    with _writing(folder), versions.locked(folder, say):
        place.complete()
        kept = versions.published(folder)
        live = versions.live(folder)
        name = _named(to, kept, folder) if to else _parent(folder, live, kept)
        if name == live:
            return Published(name, changed=False)
        index = Version(versions.path_of(folder, name))
        try:
            index.warm()
        finally:
            index.close()
        place.point(name, "rollback")
    return Published(name, changed=True)


def history(folder: Path) -> list[KeptVersion]:
    """Return the kept versions by sequence number; one that cannot be read says why in ``problem``."""
    live = versions.live(folder)
    return [_version(folder, name, live) for name in sorted(versions.published(folder), key=versions.sequence_of)]


def prune(place: versions.Place, keep: int) -> list[str]:
    """Remove all but the ``keep`` versions that were made live last, never the live one; return the removed names.

    The caller holds the builder's lock.
    """
    kept = versions.published(place.folder)
    gone = [name for name in kept[: max(0, len(kept) - keep)] if name != versions.live(place.folder)]
    for name in gone:
        with contextlib.suppress(IndexingError):  # a server that went away meanwhile; the next publish removes it
            place.remove(name)
    return gone


def watch(
    paths: Sequence[Path],
    republish: Callable[[], object],
    *,
    stop: threading.Event | None = None,
    look_every: float = 0.5,
) -> None:
    """Call ``republish`` now, and again after every change under ``paths`` once the files rest.

    Sizes and times of the files are compared every ``look_every`` seconds, which works on any file system; files
    rest when two looks agree. Returns when ``stop`` is set; an error that ``republish`` raises ends the watch.
    """
    stop = stop or threading.Event()
    done = seen = _stamps(paths)
    republish()
    while not stop.wait(look_every):
        now = _stamps(paths)
        if now == seen != done:
            done = now
            republish()
        seen = now


# --- what the above stands on ----------------------------------------------------------------------------------


def _content(documents: Sequence[Document], settings: Settings, old: Version | None) -> Content:
    models = configured_fingerprint(settings), reader_fingerprint()
    return content_of(documents, *models, settings.chunk_chars, [old] if old else [])


def _plan(old: Version | None, content: Content, settings: Settings) -> Plan:
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


@contextlib.contextmanager
def _live_version(folder: Path) -> Iterator[Version | None]:
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


def _asked(folder: Path, name: str, planned: Plan, ask: Ask) -> Plan:
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


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Turn what the file system says into one line."""
    try:
        yield
    except OSError as error:
        raise IndexingError(
            f"{error.filename or folder} cannot be written: {error.strerror or error}. What was live stays live."
        ) from error


def _stays(old: Version | None) -> str:
    return f"nothing was published, {old.name} stays live" if old else "nothing was published"


def _parent(folder: Path, live: str, kept: Sequence[str]) -> str:
    if not live:
        raise IndexingError(f"Nothing is live in {folder}; name a version: --rollback --to VERSION (see --list).")
    parent = Version(versions.path_of(folder, live)).parent
    if not parent:
        raise IndexingError(f"{live} is the first version; there is nothing before it.")
    if parent not in kept:
        raise IndexingError(f"{parent}, the version before {live}, is not kept any more. See --list.")
    return parent


def _named(wanted: str, kept: Sequence[str], folder: Path) -> str:
    found = [name for name in kept if name == wanted]
    found = found or [name for name in kept if wanted.isdigit() and versions.sequence_of(name) == int(wanted)]
    if not found:
        known = ", ".join(kept) or "none"
        raise IndexingError(f"{folder} keeps no version {wanted}. Kept: {known}.")
    return found[0]


def _version(folder: Path, name: str, live: str) -> KeptVersion:
    try:
        index = Version(versions.path_of(folder, name))
    except IndexingError as error:
        return KeptVersion(name, "", "", 0, 0, {}, name == live, str(error))
    counts = {kind: int(number) for kind, number in index.manifest["summary"].items()}
    return KeptVersion(name, index.created, index.parent, len(index.chunks), len(index.documents), counts, name == live)


def _stamps(paths: Sequence[Path]) -> dict[str, tuple[int, int]]:
    """Return size and time of every file, to tell whether any changed; hidden ones (an index, say) are never read."""
    found = {}
    for path in paths:
        for file in path.rglob("*") if path.is_dir() else [path]:
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            with contextlib.suppress(OSError):
                if not hidden and file.is_file():
                    status = file.stat()
                    found[str(file)] = (status.st_size, status.st_mtime_ns)
    return found
