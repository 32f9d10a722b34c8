"""From a folder of text to the live version: read, publish, roll back, list, prune, watch.

The functions return values and print nothing; ``ingest_output.py`` prints.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor_bot.documents.load import Loaded, load
from advisor_bot.errors import GuardError, IndexingError, LoadError
from advisor_bot.index import versions
from advisor_bot.index.build import Progress, build
from advisor_bot.index.plan import Ask, Plan, can_be_asked, guard, live_version, plan_of, with_answers, would_hold
from advisor_bot.index.server import place_of
from advisor_bot.index.version import Version
from advisor_bot.models.export import ensure_models, prepare_models
from advisor_bot.settings import Settings
from advisor_bot.types import Document

READ_TRIES = 5
ASKED_FROM = 0.05  # share of passages an update must touch before a publish takes the time to ask the cases
Say = Callable[[str], None]


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
        with live_version(folder) as old:
            content = would_hold(documents, settings, old)
            planned = plan_of(old, content, settings)
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
            if ask and old is not None and not force and planned.touched > ask_from and can_be_asked(old):
                planned = with_answers(folder, name, planned, ask)
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
            if not can_be_asked(index):
                raise IndexingError(
                    f"{name} was made with another reader than this program's and cannot answer; {live} stays live. "
                    "Publish the older text again instead: `python ingest.py`."
                )
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
