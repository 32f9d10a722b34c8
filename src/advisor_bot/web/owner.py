"""The owner's desk at ``/owner``: sign in, see what is live, go back to an older version. None without a password.

What changes the guide runs as the ingest command in a process of its own: answering goes on meanwhile, and the desk
does nothing that the command could not.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from limits import RateLimitItemPerMinute
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from advisor_bot.index import publish, versions
from advisor_bot.pages import owner_page
from advisor_bot.settings import Settings
from advisor_bot.web.access import DESK, Sessions, from_own_page, same
from advisor_bot.web.limits import visitor
from advisor_bot.web.security import desk_policy
from advisor_bot.web.tally import Tally

_TRIES = RateLimitItemPerMinute(10, 15)  # passwords of one address
_HALF_A_DAY = 0.5
_BUSY = "Another owner is at it: {}. Nothing of yours was done; try again when that has ended."
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class Job:
    """One run of the ingest command: what it is called, what it has said so far, how it ended (None: it runs)."""

    name: str
    began: str
    lines: list[str] = field(default_factory=list)
    status: int | None = None
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def last(self) -> str:
        """The last line it said: its progress, or why it failed."""
        return self.lines[-1] if self.lines else "It has begun." if self.status is None else ""


class Worker:
    """Runs the ingest command, one at a time for all owners. Any thread may call any method."""

    def __init__(self, settings: Settings) -> None:
        """Work on the guide of ``settings``."""
        self.index, self.place = settings.index_folder, settings.index_place
        self.job: Job | None = None
        self._one = threading.Lock()

    def start(self, name: str, arguments: Sequence[str], then: Callable[[Job], None] = lambda _: None) -> str:
        """Begin to run the command; return why not, "" where it has begun. ``then`` is called when it ended well."""
        if not self._one.acquire(blocking=False):
            return _BUSY.format(self.job.name if self.job else "something runs")
        job = self.job = Job(name, datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
        threading.Thread(target=self._run, args=(job, arguments, then), name="desk", daemon=True).start()
        return ""

    def _run(self, job: Job, arguments: Sequence[str], then: Callable[[Job], None]) -> None:
        status = 1
        try:
            status = self._finish(job, arguments)
            if status == 0:
                then(job)
        except Exception as error:  # whatever a machine can do; the owner reads it
            status = 1
            job.lines.append(f"It could not be done: {error}")
        finally:
            job.status = status
            self._one.release()

    def _finish(self, job: Job, arguments: Sequence[str]) -> int:
        command = [sys.executable, "-m", "advisor_bot", "ingest", "--index", self.place, "--json", *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018
            said: list[str] = []
            reading = threading.Thread(target=lambda out=process.stdout: said.append(out.read()), daemon=True)
            reading.start()
            job.lines += (line.strip() for line in iter(process.stderr.readline, "") if line.strip())
            reading.join()
        if process.returncode == 0:
            found = json.loads("".join(said) or "{}")
            job.result = found if isinstance(found, dict) else {}
        return process.returncode


class Desk:
    """The desk's routes. Every one asks for the session; every one that changes something, for our own page too."""

    def __init__(self, settings: Settings) -> None:
        """Serve the owner of ``settings``."""
        self.settings, self.worker = settings, Worker(settings)
        self.sessions = Sessions(settings.owner_password, "advisor_owner", _HALF_A_DAY)
        self.tries = Tally(settings, "owner")

    async def show(self, request: Request) -> Response:
        """Show what is live, what there was, and what is being done."""
        return await self._page(request)

    async def sign_in(self, request: Request) -> Response:
        """Take the owner's password; counted before it is looked at, so that many at once help nobody."""
        key = visitor(request.scope)  # type: ignore[arg-type]
        if not await self.tries.hit(_TRIES, key):
            wait = await self.tries.wait(_TRIES, key)
            return _html(owner_page.sign_in(_root(request), owner_page.wait(wait)), 429, {"Retry-After": str(wait)})
        given = (await request.form(max_files=0, max_fields=10)).get("password", "")
        if not same(str(given), self.settings.owner_password):
            return _html(owner_page.sign_in(_root(request), owner_page.WRONG), 401)
        await self.tries.clear(_TRIES, key)
        response = RedirectResponse(_root(request) + DESK[1:], 303)
        self.sessions.begin(response, request.scope, framed=False)  # type: ignore[arg-type]
        return response

    async def roll_back(self, request: Request) -> Response:
        """Make an older version live again."""
        form = await request.form(max_files=0, max_fields=10)
        wanted, seen = str(form.get("version", "")), str(form.get("live", ""))
        if not versions.is_name(wanted):
            return await self._page(request, "That is no version of this guide. Choose one of the list.", 422)
        if seen != (now := versions.live(self.worker.index)):
            return await self._page(request, f"{now} became live since you looked. Look again, then choose.", 409)
        return await self._began(request, self.worker.start(f"going back to {wanted}", ["--rollback", "--to", wanted]))

    async def progress(self, _: Request) -> Response:
        """Say how far the command is."""
        job = self.worker.job
        return JSONResponse({"running": bool(job and job.status is None), "line": job.last if job else ""})

    async def _began(self, request: Request, refused: str) -> Response:
        return await self._page(request, refused, 409) if refused else RedirectResponse(_root(request) + DESK[1:], 303)

    async def _page(self, request: Request, problem: str = "", status: int = 200) -> Response:
        kept = await asyncio.to_thread(publish.history, self.worker.index)
        return _html(owner_page.desk(_root(request), kept[::-1], self.worker.job, problem), status)

    def guarded(self, handler: Handler) -> Handler:
        """Return ``handler`` for owners only."""

        async def guard(request: Request) -> Response:
            if not self.sessions.has(request.scope):  # type: ignore[arg-type]
                return _html(owner_page.sign_in(_root(request)), 401)
            return await handler(request)

        return guard


def routes(settings: Settings) -> list[BaseRoute]:
    """Return the desk's routes; none where no password is set."""
    if not settings.owner_password:
        return []
    desk = Desk(settings)
    return [
        Route(DESK, desk.guarded(desk.show), methods=["GET"]),
        Route(f"{DESK}/sign-in", _ours(desk.sign_in), methods=["POST"]),
        Route(f"{DESK}/roll-back", desk.guarded(_ours(desk.roll_back)), methods=["POST"]),
        Route(f"{DESK}/progress", desk.guarded(desk.progress), methods=["GET"]),
    ]


def _ours(handler: Handler) -> Handler:
    """Return ``handler`` for forms of our own pages only: whatever else has the cookie is somebody's trick."""

    async def guard(request: Request) -> Response:
        if not from_own_page(request.scope):  # type: ignore[arg-type]
            return _html(owner_page.sign_in(_root(request), "Only the desk's own page may send this."), 403)
        return await handler(request)

    return guard


def _root(request: Request) -> str:
    return f"{request.scope.get('root_path', '')}/"


def _html(body: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    ours = {"Content-Security-Policy": desk_policy(), "Cache-Control": "no-store", "X-Frame-Options": "DENY"}
    return HTMLResponse(body, status, ours | (headers or {}))
