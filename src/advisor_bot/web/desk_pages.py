"""The desk's pages that change nothing: what the guide lacks, and the widget's line made by a form."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from advisor_bot.pages import owner_page
from advisor_bot.settings import Settings
from advisor_bot.web.security import desk_policy

_FRAMED = "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
_REPORT = f"default-src 'none'; style-src 'unsafe-inline'; {_FRAMED}"
_PICTURE = f"default-src 'none'; script-src 'self'; style-src 'self'; frame-src 'self'; {_FRAMED}"
_SAID = re.compile(r"[\w.:-]*(?:Error|bot:)")
_COLOR = re.compile(r"#[0-9a-f]{6}", re.I)
_MOST = 300  # characters of a field
Handler = Callable[[Request], Awaitable[Response]]


class Pages:
    """The pages, for an owner who has signed in."""

    def __init__(self, settings: Settings) -> None:
        """Show what concerns the guide of ``settings``."""
        self.settings, self.one = settings, asyncio.Semaphore(1)
        self.looks = owner_page.looks(settings.color)

    async def report(self, request: Request) -> Response:
        """Show the report in its frame, or that there is no journal."""
        return desk_html(owner_page.report(root(request), _since(request), kept=bool(self.settings.journal)))

    async def report_page(self, request: Request) -> Response:
        """Return the report itself, which the command makes."""
        return await self._made(request, "--html", "report.html", inline="save" not in request.query_params)

    async def report_cases(self, request: Request) -> Response:
        """Return what the guide lacks, as cases."""
        return await self._made(request, "--cases", "cases.jsonl", inline=False)

    async def _made(self, request: Request, option: str, name: str, *, inline: bool) -> Response:
        with tempfile.TemporaryDirectory(prefix="advisor-desk-") as folder:
            file = Path(folder, name)
            said = await self._run("--since", _since(request), option, str(file))
            made = await asyncio.to_thread(file.read_bytes) if file.is_file() else None
        if made is None:
            return _page(owner_page.no_report(said), _REPORT, 503)
        headers = {} if inline else {"Content-Disposition": f'attachment; filename="{name}"'}
        return _page(made, _REPORT, headers=headers, kind="text/html" if option == "--html" else "application/jsonl")

    async def _run(self, *arguments: str) -> str:
        """Run the report command, one at a time; return what it said last."""
        command = ["-m", "advisor_bot", "report", "--index", self.settings.index_place, *arguments]
        async with self.one:
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=pipe, stderr=pipe)
            _, said = await process.communicate()
        lines = [line for line in said.decode("utf-8", "replace").splitlines() if _SAID.match(line)]
        return lines[-1].removeprefix("advisor-bot: ") if lines else ""

    async def widget(self, request: Request) -> Response:
        """Show the form, the line it makes, and a page that carries it."""
        chosen = self._chosen(request)
        line = owner_page.widget_line(str(request.base_url), chosen, self.looks)
        origins = self.settings.origins
        return desk_html(owner_page.widget(root(request), chosen, line, urlencode(chosen), origins))

    async def picture(self, request: Request) -> Response:
        """Return a page that carries the line."""
        line = owner_page.widget_line(root(request), self._chosen(request), self.looks)
        return _page(owner_page.picture(root(request), line), _PICTURE)

    def _chosen(self, request: Request) -> dict[str, str]:
        """Return what the form says of the widget, each value one that can be."""
        given = {name: request.query_params.get(name, "")[:_MOST] for name in self.looks}
        if not _COLOR.fullmatch(given["accent"]):
            given["accent"] = self.looks["accent"]
        for name, choices in owner_page.CHOICES.items():
            given[name] = given[name] if given[name] in choices else ""
        return given

    def by_path(self) -> dict[str, Handler]:
        """Return what answers at which address under the desk's."""
        return {
            "/report": self.report,
            "/report/page": self.report_page,
            "/report/cases": self.report_cases,
            "/widget": self.widget,
            "/widget/picture": self.picture,
        }


def root(request: Request) -> str:
    """Return the path under which the server is shown, with its slash."""
    return f"{request.scope.get('root_path', '')}/"


def desk_html(body: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a page of the desk, which nobody keeps and nobody frames."""
    return _page(body, desk_policy(), status, {"X-Frame-Options": "DENY", **(headers or {})})


def _page(
    body: str | bytes, policy: str, status: int = 200, headers: Mapping[str, str] | None = None, kind: str = "text/html"
) -> Response:
    ours = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return Response(body, status, {**ours, **(headers or {})}, kind)


def _since(request: Request) -> str:
    return owner_page.span(request.query_params.get("since", ""))
