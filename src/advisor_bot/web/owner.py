"""The owner's desk at ``/owner``: sign in, drop a text, preview, publish, go back. None without a password.

What changes the guide runs as the ingest command in a process of its own: answering goes on meanwhile, and the desk
does nothing that the command could not.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from limits import RateLimitItemPerMinute
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from advisor_bot.documents.load import CASES
from advisor_bot.index import publish, versions
from advisor_bot.pages import owner_page
from advisor_bot.settings import Settings
from advisor_bot.web.access import DESK, Sessions, from_own_page, same
from advisor_bot.web.desk_pages import Handler, Pages, desk_html, root
from advisor_bot.web.draft import Draft, texts
from advisor_bot.web.limits import visitor
from advisor_bot.web.security import DROP, header
from advisor_bot.web.tally import Tally
from advisor_bot.web.worker import Run, StoppedError, Worker

_TRIES = RateLimitItemPerMinute(10, 15)  # passwords of one address
_HALF_A_DAY = 0.5
_MOST_FILES = 200
_WAITS = "A new text waits here already: publish it or discard it first. Nothing of yours was done."
_GONE = "That preview is gone: it was published or discarded meanwhile."


class Desk:
    """The desk's routes. Every one asks for the session; every one that changes something, for our own page too."""

    def __init__(self, settings: Settings) -> None:
        """Serve the owner of ``settings``."""
        self.settings, self.worker = settings, Worker(settings)
        self.draft: Draft | None = None
        self.scored: tuple[str, dict[str, Any]] = "", {}  # which version was asked the cases last, and how it fared
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
            return desk_html(owner_page.sign_in(root(request), owner_page.wait(wait)), 429, {"Retry-After": str(wait)})
        given = (await request.form(max_files=0, max_fields=10)).get("password", "")
        if not same(str(given), self.settings.owner_password):
            return desk_html(owner_page.sign_in(root(request), owner_page.WRONG), 401)
        await self.tries.clear(_TRIES, key)
        response = RedirectResponse(root(request) + DESK[1:], 303)
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
        refused = self.worker.start(f"going back to {wanted}", lambda run: run("--rollback", "--to", wanted))
        return await self._began(request, refused)

    async def drop(self, request: Request) -> Response:
        """Take files and a web address, and texts to leave out; begin to work out what would change."""
        most = self.settings.max_file_mb
        if refused := self.worker.busy or (_WAITS if self.draft else ""):
            return await self._page(request, refused, 409)
        if int(header(request.scope, b"content-length") or 0) > most * 1_000_000:  # type: ignore[arg-type]
            return await self._page(request, f"These files have more than {most} MB. Send fewer at a time.", 413)
        try:
            async with request.form(max_files=_MOST_FILES, max_fields=10_000) as form:
                draft = await asyncio.to_thread(self._drafted, form)
        except HTTPException as error:
            told = (
                f"more than {most} MB" if error.status_code == 413 else f"more than {_MOST_FILES} files, or broken ones"
            )
            return await self._page(request, f"What you sent has {told}. Send fewer at a time.", error.status_code)
        except (StoppedError, OSError) as error:
            return await self._page(request, f"{error} Nothing was changed.", 422)
        address = str(form.get("address", "")).strip()
        if refused := self.worker.start("what would change", lambda run: self._look(draft, address, run)):
            draft.close()
        return await self._began(request, refused)

    def _drafted(self, form: FormData) -> Draft:
        """Return the draft that a form describes. Raises ``StoppedError`` for what cannot be used, ``OSError``."""
        dropped = [file for file in form.getlist("files") if isinstance(file, UploadFile) and file.filename]
        out = [str(name) for name in form.getlist("out")]
        address = str(form.get("address", "")).strip()
        if not (dropped or out or address):
            raise StoppedError("Choose a file, or write a web address.")
        if address and not re.fullmatch(r"https?://\S{1,2000}", address, re.I):
            raise StoppedError(f"{address[:80]} is no web address: it begins with https:// and has no blanks.")
        if self.settings.corpus.is_file() and address:
            raise StoppedError("This guide is one file, and a web page would be another. Save the page as that file.")
        draft = Draft(self.settings.corpus)
        try:
            for file in dropped:
                draft.put(file.filename or "", file.file)
            draft.take_out(out)
        except BaseException:
            draft.close()
            raise
        return draft

    def _look(self, draft: Draft, address: str, run: Run) -> None:
        try:
            if self.draft:
                raise StoppedError(_WAITS)
            if address:
                draft.fetch(address, run)
            draft.live = versions.live(self.worker.index)
            draft.look(run)
            self.draft = draft
        except BaseException:
            draft.close()
            raise

    async def publish(self, request: Request) -> Response:
        """Publish the draft that was previewed, then bring the guide's folder to the same state."""
        form = await request.form(max_files=0, max_fields=10)
        if not (draft := self._named(form)):
            return await self._page(request, _GONE, 409)
        if (now := versions.live(self.worker.index)) != draft.live:
            return await self._page(request, f"{now} became live since this preview. Discard it and drop it anew.", 409)
        more = ["--force"] if form.get("force") else []
        return await self._began(request, self.worker.start("publishing", lambda run: self._publish(draft, run, more)))

    def _publish(self, draft: Draft, run: Run, more: list[str]) -> None:
        if self.draft is not draft:
            raise StoppedError(_GONE)
        before = versions.live(self.worker.index)
        run(draft.folder, *more)
        self.draft = None
        try:
            draft.keep(self.worker.index, before)
        except OSError as error:
            raise StoppedError(
                f"It is live, but {draft.corpus} could not be written ({error}): put the files there yourself, or the "
                "next publishing brings the old ones back.",
                harmless=False,
            ) from None
        finally:
            draft.close()

    async def discard(self, request: Request) -> Response:
        """Throw the draft away."""
        if self.worker.busy:
            return await self._page(request, self.worker.busy, 409)
        if not (draft := self._named(await request.form(max_files=0, max_fields=10))):
            return await self._page(request, _GONE, 409)
        self.draft, self.worker.job = None, None
        await asyncio.to_thread(draft.close)
        return await self._began(request, "")

    async def ask_cases(self, request: Request) -> Response:
        """Ask what is live the questions that travel with the guide."""
        file = (await asyncio.to_thread(texts, self.settings.corpus)).get(CASES)
        if not file:
            return await self._page(request, f"No questions ({CASES}) travel with this guide.", 422)

        def ask(run: Run) -> None:
            self.scored = versions.live(self.worker.index), run(file, "--failures", command="evaluate")

        return await self._began(request, self.worker.start("asking the questions", ask))

    def _named(self, form: FormData) -> Draft | None:
        return self.draft if self.draft and form.get("draft") == self.draft.id else None

    async def progress(self, _: Request) -> Response:
        """Say how far the command is."""
        job = self.worker.job
        running = bool(job and job.status is None)
        return JSONResponse({"running": running, "line": job.last if job else "", "far": job.far if job else None})

    async def _began(self, request: Request, refused: str) -> Response:
        return await self._page(request, refused, 409) if refused else RedirectResponse(root(request) + DESK[1:], 303)

    async def _page(self, request: Request, problem: str = "", status: int = 200) -> Response:
        kept = await asyncio.to_thread(publish.history, self.worker.index)
        known = await asyncio.to_thread(texts, self.settings.corpus)
        html = owner_page.desk(
            root(request), kept[::-1], self.worker.job, self.draft, known, self.settings, self.scored, problem
        )
        return desk_html(html, status)

    def guarded(self, handler: Handler) -> Handler:
        """Return ``handler`` for owners only."""

        async def guard(request: Request) -> Response:
            if not self.sessions.has(request.scope):  # type: ignore[arg-type]
                return desk_html(owner_page.sign_in(root(request)), 401)
            return await handler(request)

        return guard


def routes(settings: Settings) -> list[BaseRoute]:
    """Return the desk's routes; none where no password is set."""
    if not settings.owner_password:
        return []
    desk = Desk(settings)
    showing = [
        Route(DESK + path, desk.guarded(page), methods=["GET"]) for path, page in Pages(settings).by_path().items()
    ]
    return [
        *showing,
        Route(DESK, desk.guarded(desk.show), methods=["GET"]),
        Route(f"{DESK}/sign-in", _ours(desk.sign_in), methods=["POST"]),
        Route(f"{DESK}/roll-back", desk.guarded(_ours(desk.roll_back)), methods=["POST"]),
        Route(DROP, desk.guarded(_ours(desk.drop)), methods=["POST"]),
        Route(f"{DESK}/publish", desk.guarded(_ours(desk.publish)), methods=["POST"]),
        Route(f"{DESK}/cases", desk.guarded(_ours(desk.ask_cases)), methods=["POST"]),
        Route(f"{DESK}/discard", desk.guarded(_ours(desk.discard)), methods=["POST"]),
        Route(f"{DESK}/progress", desk.guarded(desk.progress), methods=["GET"]),
    ]


def _ours(handler: Handler) -> Handler:
    """Return ``handler`` for forms of our own pages only: whatever else has the cookie is somebody's trick."""

    async def guard(request: Request) -> Response:
        if not from_own_page(request.scope):  # type: ignore[arg-type]
            return desk_html(owner_page.sign_in(root(request), "Only the desk's own page may send this."), 403)
        return await handler(request)

    return guard
