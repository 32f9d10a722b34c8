"""Several guides on one server: each subfolder NAME of a folder is one, at ``/g/NAME/``.

Each is the whole application that serves one guide alone under a path prefix, with its own settings, limits, sign-in,
metrics and journal. What is here decides which of them a request is for, follows the folder, and shows what concerns
them all: the list at ``/``, health and metrics.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

from advisor_bot.errors import AdvisorError, SettingsError
from advisor_bot.index import versions
from advisor_bot.index.publish import watch as watch_files
from advisor_bot.settings import OWN_FILE, Settings
from advisor_bot.web.app import SHARE
from advisor_bot.web.front import front
from advisor_bot.web.security import Receive, Scope, Send, route_path

if TYPE_CHECKING:
    from advisor_bot.answers.advisor import Advisor

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds between two looks at the folder
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_INDEX, _CORPUS = ".advisor", "corpus"
Stamp = tuple[int, ...]  # when a guide's settings, its live version and its list of versions changed last


@dataclass(frozen=True, slots=True, eq=False)
class Hosted:
    """A guide that is served."""

    name: str
    app: FastAPI
    settings: Settings
    stamp: Stamp
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def advisor(self) -> Advisor:
        """What answers from it."""
        found: Advisor = self.app.state.advisor
        return found

    async def run(self, ready: asyncio.Event) -> None:
        """Live until ``ended``; ``ready`` tells that it answers. It brings the threads that it may keep busy."""
        threads = current_default_thread_limiter()
        threads.total_tokens += SHARE
        try:
            async with self.app.router.lifespan_context(self.app):
                ready.set()
                await self.ended.wait()
        finally:
            ready.set()
            threads.total_tokens -= SHARE
            await asyncio.to_thread(self.advisor.versions.close)


class Guides:
    """The guides of one folder, as an ASGI application that opens, follows and closes them."""

    def __init__(
        self,
        base: Settings,
        read: Callable[..., Settings],
        open_guide: Callable[[str, Settings], FastAPI],
        publish: Callable[[Settings], None],
        *,
        watch: bool = False,
    ) -> None:
        """Serve the folder ``base.guides``; ``read`` reads one's settings, ``open_guide`` makes its application.

        ``publish`` publishes one that never was, in a thread of its own; with ``watch`` whenever its files change.
        Raises ``SettingsError`` where the folder is not there, or a setting cannot be for all.
        """
        self.folder = base.guides or Path()
        if not self.folder.is_dir():
            raise SettingsError(f"ADVISOR_GUIDES={str(self.folder)!r} is no folder. Make it, with a folder a guide.")
        if base.journal:
            raise SettingsError(f"ADVISOR_JOURNAL would mix all guides' questions. Set it in each guide's {OWN_FILE}.")
        self.base, self._read, self._open, self._publish, self._watch = base, read, open_guide, publish, watch
        self.hosted: dict[str, Hosted] = {}
        self.refused: dict[str, Stamp] = {}
        self._watched: set[str] = set()
        self._running: set[asyncio.Task[None]] = set()
        self.front = front(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the guide that it is for, and everything else to what concerns all."""
        if scope["type"] == "http" and (found := self._asked(scope)):
            hosted, path = found
            await hosted.app({**scope, "path": path}, receive, send)  # type: ignore[arg-type]
        else:
            await self.front(scope, receive, send)  # type: ignore[arg-type]

    def _asked(self, scope: Scope) -> tuple[Hosted, str] | None:
        """Return the guide that a request is for, and its path with the whole prefix, which a proxy may take off."""
        path: str = route_path({**scope, "root_path": self.base.root_path})
        _, g, name, *_ = [*path.split("/", 3), "", ""]
        hosted = self.hosted.get(name) if g == "g" else None
        return (hosted, self.base.root_path + path) if hosted else None

    # --- what is in the folder ----------------------------------------------------------------------------------

    def look(self) -> dict[str, Hosted]:
        """Open what is new in the folder and what was set anew; return all that is to be served. Raises nothing."""
        try:
            names = sorted(path.name for path in self.folder.iterdir() if _holds_a_guide(path))
        except OSError as error:
            log.warning("%s could not be looked at: %s", self.folder, error)
            return self.hosted
        found = {name: hosted for name in names if (hosted := self._hosted(name))}
        self.refused = {name: stamp for name, stamp in self.refused.items() if name in names}
        for name in self.hosted.keys() - found.keys():
            _say(f"The guide {name} is not served any more: its folder is gone.")
        return found

    def _hosted(self, name: str) -> Hosted | None:
        """Return the guide called ``name``, opened anew where it changed; None where it cannot be served."""
        before, stamp = self.hosted.get(name), self._stamp(name)
        if (before and before.stamp[0] == stamp[0]) or self.refused.get(name) == stamp:
            return before
        try:
            opened = self._opened(name, stamp)
        except AdvisorError as error:
            why = str(error)
        except Exception as error:  # one guide must not take the others with it
            why = f"{type(error).__name__}: {error}"
        else:
            self.refused.pop(name, None)
            _say(f"The guide {name} is served at {opened.settings.root_path}/")
            return opened
        self.refused[name] = stamp
        _say(f"The guide {name} {'stays as it was set before' if before else 'is not served'}: {why}")
        return before

    def _opened(self, name: str, stamp: Stamp) -> Hosted:
        if not _NAME.fullmatch(name):
            raise SettingsError(f"rename {self.folder / name}: small letters, digits and hyphens, 64 at most.")
        settings = self.settings_of(name)
        if not versions.published(settings.index_folder):
            self._keep_published(name, settings)
            raise AdvisorError(f"nothing is published yet; {settings.corpus} is being published now.")
        if self._watch:
            self._keep_published(name, settings)
        return Hosted(name, self._open(name, settings), settings, stamp)

    def settings_of(self, name: str) -> Settings:
        """Return the settings of one guide: those of the server, and over them its own. Raises ``SettingsError``."""
        folder = self.folder / name
        corpus = folder / _CORPUS if (folder / _CORPUS).is_dir() else folder
        root_path = f"{self.base.root_path}/g/{name}"
        return self._read(index=folder / _INDEX, corpus=corpus, root_path=root_path)

    def _settings_now(self, name: str, before: Settings) -> Settings:
        """Return the settings of a guide as they are now, those of ``before`` while they cannot be used."""
        try:
            return self.settings_of(name)
        except SettingsError:  # the server says so, when it opens the guide again
            return before

    def _keep_published(self, name: str, settings: Settings) -> None:
        """Publish a guide in the background, once, or after every change of its files."""
        if name in self._watched:
            return

        def run() -> None:
            if self._watch:
                watch_files([settings.corpus], lambda: self._publish(self._settings_now(name, settings)))
            else:
                self._publish(settings)

        if self._watch:
            self._watched.add(name)
        threading.Thread(target=run, name=f"publish {name}", daemon=True).start()

    def _stamp(self, name: str) -> Stamp:
        folder = self.folder / name
        return tuple(
            _changed(file) for file in (folder / OWN_FILE, folder / _INDEX / "LIVE", folder / _INDEX / "PUBLISHED")
        )

    # --- while the server runs ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Run the guides of the folder, as it is at every moment."""
        first, self.hosted = self.hosted or await asyncio.to_thread(self.look), {}
        await self._settle(first)
        stop = asyncio.Event()
        following = asyncio.create_task(self._follow(stop))
        try:
            yield
        finally:
            stop.set()
            await following
            await self._settle({})
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _follow(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._settle(await asyncio.to_thread(self.look))
            try:
                await asyncio.wait_for(stop.wait(), LOOK_EVERY)
            except TimeoutError:
                continue

    async def _settle(self, wanted: dict[str, Hosted]) -> None:
        """Serve ``wanted`` from now on: what is new begins before what it replaces ends."""
        before = self.hosted
        for hosted in (one for name, one in wanted.items() if before.get(name) is not one):
            ready = asyncio.Event()
            task = asyncio.create_task(hosted.run(ready))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            await ready.wait()
        self.hosted = wanted
        for hosted in (one for name, one in before.items() if wanted.get(name) is not one):
            hosted.ended.set()


def _holds_a_guide(path: Path) -> bool:
    """Tell whether ``path`` is a folder with files of an owner's or a version; not what is left of one moved away."""
    if path.name.startswith(".") or not path.is_dir():
        return False
    try:
        held = [one.name for one in path.iterdir()]
    except OSError:
        return True  # opening it will say why it cannot be read
    return any(not name.startswith(".") for name in held) or bool(versions.published(path / _INDEX))


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
