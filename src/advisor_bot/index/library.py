"""The versions that a server lends to answers; a newly published one replaces the live one without a pause."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from advisor_bot.errors import EncoderError, IndexingError
from advisor_bot.index import versions
from advisor_bot.index.guide import Guide
from advisor_bot.index.version import Version
from advisor_bot.models.opening import Models

_log = logging.getLogger(__name__)
V = TypeVar("V", bound=Version)
REFUSED_FOR = 30.0  # seconds until a version that could not be used is tried again


@dataclass(slots=True)
class _Held:
    """An opened guide and how many leases it has."""

    guide: Guide
    leases: int = 0


class Library:
    """The published versions in one folder; the live one is held open, others while they are leased.

    Every method may be called from any thread.
    """

    def __init__(self, place: versions.Place | Path, open_models: Callable[[str, str], Models]) -> None:
        """Remember the place and what opens the models by their fingerprints; nothing is opened before it is needed."""
        self.place = place if isinstance(place, versions.Place) else versions.Place(place)
        self.folder = self.place.folder
        self._open_models = open_models
        self._apart: str = ""  # why the place could not be followed, "" while it can
        self._held: dict[str, _Held] = {}
        self._live = ""
        self._refused: tuple[str, float] = ("", 0.0)
        self._again = 0.0  # when a refused version is tried again: what it lacked may have come
        self._lock = threading.Lock()  # guards the fields above; never held while a file is read
        self._opening = threading.Lock()  # one version is opened at a time
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def live(self) -> str:
        """The name of the version being served, "" while none is."""
        return self._live

    def names(self) -> list[str]:
        """Return the names of the versions that are kept, the one made live last at the end."""
        return versions.published(self.folder)

    @contextlib.contextmanager
    def lease(self, version: str | None = None) -> Iterator[Guide]:
        """Lend the live version, or the kept one called ``version``; it stays open until the lease ends.

        Raises ``IndexingError`` when nothing is published, or that version is not kept any more.
        """
        held = self._take(version)
        try:
            yield held.guide
        finally:
            self._give_back(held)

    def refresh(self) -> bool:
        """Read LIVE again; switch to the version it names. Return whether that is another one than before.

        A new version that cannot be read is logged once and the old one stays. Raises nothing.
        """
        try:
            self._follow()
            return self._refresh()
        except Exception as error:  # the watcher must live on whatever happens to the folder
            _log.warning("The index in %s could not be looked at: %s", self.folder, error)
            return False

    def watch(self, seconds: float = 0.5, *, swapped: Callable[[], None] = lambda: None) -> None:
        """Call ``refresh`` every so many seconds, in a background thread, until ``close``.

        ``swapped`` is called in that thread after every switch; the next look waits for it.
        """
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, args=(seconds, swapped), name="library", daemon=True)
            self._watcher.start()

    def close(self) -> None:
        """Stop watching and close every version that is not leased; leased ones close with their lease."""
        self._stop.set()
        if self._watcher is not None:
            self._watcher.join()
        with self._lock:
            self._live = ""
            idle = [name for name, held in self._held.items() if not held.leases]
            closing = [self._held.pop(name) for name in idle]
        for held in closing:
            held.guide.close()

    def _watch(self, seconds: float, swapped: Callable[[], None]) -> None:
        while not self._stop.wait(seconds):
            if self.refresh():
                swapped()
            elif not self._apart:
                self._fetch_older()

    def _take(self, version: str | None) -> _Held:
        if not version and not self._live:
            self._open_first()
        with self._lock:
            name = version or self._live
            held = self._held.get(name)
            if held:
                held.leases += 1
                return held
        with self._opening:
            with self._lock:
                held = self._held.get(name)
            if held is None:
                held = _Held(self._open_kept(name))
            with self._lock:
                held = self._held.setdefault(name, held)
                held.leases += 1
                return held

    def _give_back(self, held: _Held) -> None:
        with self._lock:
            held.leases -= 1
            done = not held.leases and held.guide.name != self._live
            if done:
                self._held.pop(held.guide.name, None)
        if done:
            held.guide.close()

    def _open_kept(self, name: str) -> Guide:
        if name not in self.names():
            raise IndexingError(f"Version {name} of the guide is not kept any more.")
        return self._opened(versions.path_of(self.folder, name))

    def _open_first(self) -> None:
        with self._opening:
            if self._live:
                return
            self._follow()
            try:
                self._swap(newest_sound(self.folder, self._opened))
            except IndexingError as error:
                raise IndexingError(self._apart or str(error)) from error

    def _follow(self) -> None:
        """Bring the folder up to date; where its server is away, say so once and go on with what is here."""
        try:
            self.place.follow()
        except IndexingError as error:
            if not self._apart:
                _log.warning("%s What is here is served until then.", error)
            self._apart = str(error)
        else:
            self._apart = ""

    def _fetch_older(self) -> None:
        """Fetch an older version, so that links to it open."""
        try:
            self.place.fetch_older()
        except (IndexingError, OSError) as error:
            _log.warning("An older version could not be fetched: %s", error)

    def _refresh(self) -> bool:
        name = versions.live(self.folder)
        refused = (name, self._stamp(name)) == self._refused
        if not name or name == self._live or (refused and time.monotonic() < self._again):
            return False
        with self._opening:
            if name == self._live:
                return False
            try:
                guide = self._opened(versions.path_of(self.folder, name)).warm()
            except (IndexingError, EncoderError) as error:
                if not refused:
                    _log.warning("The new version cannot be used, %s stays live: %s", self._live or "nothing", error)
                self._refused, self._again = (name, self._stamp(name)), time.monotonic() + REFUSED_FOR
                return False
            self._swap(guide)
        _log.info("Now serving %s of the guide.", name)
        return True

    def _stamp(self, name: str) -> float:
        try:
            return versions.path_of(self.folder, name).stat().st_mtime
        except OSError:
            return 0.0

    def _opened(self, path: Path) -> Guide:
        return Guide(path, self._open_models)

    def _swap(self, guide: Guide) -> None:
        """Make ``guide`` the one that is lent; the old one closes now or when its last lease ends."""
        with self._lock:
            already = self._held.get(guide.name)
            self._held.setdefault(guide.name, _Held(guide))
            old, self._live = self._held.get(self._live), guide.name
            done = old is not None and not old.leases and old.guide.name != guide.name
            if done and old:
                del self._held[old.guide.name]
        if already:
            guide.close()
        if done and old:
            old.guide.close()


def newest_sound(folder: Path, opened: Callable[[Path], V]) -> V:
    """Open the live version with ``opened``; if it cannot be read, warn and open the newest published one that can.

    Raises ``IndexingError`` when nothing is published, or no published version can be read.
    """
    live, names = versions.live(folder), versions.published(folder)
    if not live and not names:
        raise IndexingError(f"Nothing is published in {folder} yet. Run `python ingest.py` first.")
    problem = "LIVE names no version"
    for name in dict.fromkeys([live, *reversed(names)] if live else reversed(names)):
        try:
            version = opened(versions.path_of(folder, name)).warm()
        except (IndexingError, EncoderError) as error:
            problem = str(error)
            continue
        if name != live:
            _log.warning("The live version in %s cannot be used (%s); serving %s.", folder, problem, name)
        return version
    raise IndexingError(f"No version in {folder} can be read ({problem}) Run `python ingest.py` to publish again.")
