"""The FastAPI application: routes, Gradio's controls for the chat page, headers, limits, a bounded shutdown.

Importing Gradio takes longer than all the rest together. So its part is made in the background while all else answers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor_bot.errors import AdvisorError
from advisor_bot.settings import Settings

if TYPE_CHECKING:
    import socket

    import gradio as gr
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from advisor_bot.answers.advisor import Advisor
    from advisor_bot.journal.keeper import Journal
    from advisor_bot.programs.mcp_tools import McpTools
    from advisor_bot.web.late import Late
    from advisor_bot.web.metrics import Metrics
    from advisor_bot.web.security import App

log = logging.getLogger(__name__)

QUEUE = 64  # events of the page that may wait; the conversation itself does not pass through Gradio's queue
SHARE = 40  # requests that may keep a thread each, of one guide where a server has several
GRACE = 3  # seconds an open stream may still take when the server is told to stop


def create_app(
    advisor: Advisor, settings: Settings, metrics: Metrics | None = None, journal: Journal | None = None
) -> FastAPI:
    """Return the whole server over ``advisor``: API, reader, static files, and the chat page at ``/``."""
    from fastapi import FastAPI
    from starlette.routing import Route

    from advisor_bot import __version__
    from advisor_bot.programs import chat_completions, mcp_tools
    from advisor_bot.programs.asking import Asking
    from advisor_bot.web import api, assets, owner, widget
    from advisor_bot.web.late import Late
    from advisor_bot.web.metrics import Metrics
    from advisor_bot.web.security import PageOnly

    metrics = metrics or Metrics()
    metrics.watch(advisor)
    asking = Asking(advisor, (metrics, journal) if journal else (metrics,))
    tools = mcp_tools.McpTools(asking)
    controls = Late("chat's controls", lambda: drawn_controls(settings))
    app = FastAPI(
        title="Advisor",
        version=__version__,
        description="Answers from one guide, every sentence proved by an exact quote.",
        docs_url=None,  # its page loads scripts from other hosts; the description itself is /openapi.json
        redoc_url=None,
        lifespan=lambda _: _alive(controls, tools, journal),
    )
    app.add_middleware(assets.Compressed)
    add_guards(app, settings, metrics.guide)
    add_error_handlers(app)
    ours = api.routes(asking, settings, metrics, journal)
    ours.include_router(chat_completions.routes(asking, api.ERRORS))
    app.include_router(ours)
    app.router.routes.extend(
        [
            Route("/", _chat_page(advisor, settings), methods=["GET"]),
            *assets.routes(),
            *widget.routes(settings),
            *owner.routes(settings),
            Route(mcp_tools.PATH, tools, methods=["POST"]),
        ]
    )
    add_ui(app, settings)
    app.mount("/", PageOnly(controls, [*app.router.routes, *ours.routes]))  # type: ignore[arg-type]
    app.state.advisor, app.state.journal, app.state.metrics = advisor, journal, metrics
    return app


def _chat_page(advisor: Advisor, settings: Settings) -> Callable[[Request], Response]:
    """Return what serves the chat page, with the guide that is live at that moment in it."""
    from starlette.responses import HTMLResponse

    from advisor_bot.pages import chat, guide_view, look
    from advisor_bot.web import assets
    from advisor_bot.web.security import page_policy

    parts = chat.Parts(
        style=assets.style(*assets.CHAT_STYLES) + look.brand(settings),
        first=assets.script("first.js"),
        folder=assets.files().folder,
        scripts=assets.CHAT_SCRIPTS,
        logo=look.logo(settings),
    )

    def page(_: Request) -> Response:
        try:
            guide = guide_view.guide(advisor.versions, advisor, settings, None)
        except AdvisorError:  # nothing is live: the page waits and says so
            guide = None
        html = chat.render(guide, settings, parts)
        policy = page_policy(html.encode())
        return HTMLResponse(html, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})

    return page


@asynccontextmanager
async def _alive(controls: Late, tools: McpTools, journal: Journal | None) -> AsyncIterator[None]:
    """Begin to make the controls, run the tools while the server runs.

    What waits for the journal is written before a signal ends the process.
    """
    controls.begin()
    async with tools.running():
        yield
    if journal:
        await asyncio.to_thread(journal.close)


def add_guards(app: FastAPI, settings: Settings, guide: str = "") -> None:
    """Put between the network and the routes what refuses, limits, logs and sets headers.

    ``guide`` is the name of the guide, where it is one of several.
    """
    from fastapi.middleware.cors import CORSMiddleware

    from advisor_bot.web.access import Access
    from advisor_bot.web.limits import RateLimit, Share, TimeLimit
    from advisor_bot.web.metrics import RequestLog
    from advisor_bot.web.proxy import BehindProxy
    from advisor_bot.web.security import Gate, Headers

    app.add_middleware(CORSMiddleware, allow_origins=[])  # closed
    # The last one added is the first one asked.
    if guide:
        app.add_middleware(Share, most=SHARE)
    app.add_middleware(TimeLimit, seconds=settings.request_seconds)
    app.add_middleware(Access, settings=settings)
    app.add_middleware(RateLimit, settings=settings)
    app.add_middleware(Gate, max_drop=settings.max_file_mb * 1_000_000)
    app.add_middleware(RequestLog, guide=guide)
    app.add_middleware(BehindProxy, proxies=settings.proxies, root_path=settings.root_path)
    app.add_middleware(Headers)


def in_loop(build: Callable[[], None]) -> None:
    """Call ``build`` inside an event loop: outside one, Gradio opens a loop for every lock it makes, and leaves it."""

    async def inside() -> None:
        build()

    asyncio.run(inside())


def drawn_controls(settings: Settings) -> App:
    """Return Gradio's part as an application; it needs no lifespan, since it is only ever read."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware

    from advisor_bot.pages import chat

    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=[])  # its presence makes Gradio's own step aside
    in_loop(lambda: mount_page(app, chat.build_controls(settings), settings))
    drawn: App = app.router.routes[-1].app  # type: ignore[attr-defined]
    return drawn


def mount_page(app: FastAPI, page: gr.Blocks, settings: Settings) -> None:
    """Mount a Gradio page at ``/``, shut: it serves its own files and takes nothing in."""
    import gradio as gr

    from advisor_bot.pages import chat

    page.queue(max_size=QUEUE, default_concurrency_limit=4)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        theme=chat.theme(),
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size="1kb",
        ssr_mode=False,
        pwa=False,
        enable_monitoring=False,
        blocked_paths=_blocked(settings),
    )
    # Only launch() sets this, and without it Gradio skips its check of file paths: any file could be read.
    page.has_launched = True


def _blocked(settings: Settings) -> list[str]:
    """Return folders Gradio may never serve or copy from, though it trusts them by default."""
    folders = [Path.cwd(), Path(tempfile.gettempdir()), settings.corpus.absolute(), settings.index_folder.absolute()]
    return [str(folder) for folder in dict.fromkeys(folders)]


def add_ui(app: FastAPI, settings: Settings) -> None:
    """Serve what our pages load at ``/ui``; a browser asks each time, so that an upgrade shows at once."""
    from fastapi.staticfiles import StaticFiles
    from starlette.responses import Response

    from advisor_bot.pages import look
    from advisor_bot.pages.strings import STATIC
    from advisor_bot.web.assets import A_YEAR
    from advisor_bot.web.security import picture_policy

    class Fresh(StaticFiles):
        def file_response(self, *args: Any, **kwargs: Any) -> Response:
            response = super().file_response(*args, **kwargs)
            response.headers["Cache-Control"] = "no-cache"
            return response

    def ours(body: str | bytes, kind: str, kept: str = "no-cache", **more: str) -> Callable[[Request], Response]:
        return lambda _: Response(body, media_type=kind, headers={"Cache-Control": kept} | more)

    app.add_route("/ui/tokens.css", ours(look.tokens(settings), "text/css"))
    app.add_route("/ui/brand.css", ours(look.brand(settings), "text/css"))
    app.add_route("/ui/icon.svg", ours(look.icon(settings), "image/svg+xml"))
    if logo := look.logo(settings):
        policy = {"Content-Security-Policy": picture_policy()}
        app.add_route(f"/{logo.address}", ours(logo.body, logo.kind, A_YEAR, **policy))
    app.mount("/ui", Fresh(directory=str(STATIC)), name="ui")


def add_error_handlers(app: FastAPI) -> None:
    """Give every error of ``app`` the one shape."""
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException

    from advisor_bot.web.api import status_of
    from advisor_bot.web.security import problem

    codes = {401: "key", 404: "not_found", 405: "method", 413: "too_large", 415: "media_type"}

    async def own(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, AdvisorError)  # noqa: S101 - registered for that class
        if (status := status_of(error)) >= 500:
            log.error("%s %s: %s", request.method, request.url.path, error)
        headers = {"Retry-After": "5"} if status == 503 else None
        return JSONResponse(problem(error.code, str(error), getattr(error, "field", None)), status, headers)

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return JSONResponse(problem("json", "The body is not JSON."), 400)
        field = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
        message = f"{field or 'The body'}: {first['msg']}."
        if field.startswith("history") and first["type"].endswith("too_long"):
            return JSONResponse(problem("too_large", message, field), 413)
        return JSONResponse(problem("invalid", message, field or None), 422)

    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101
        code = codes.get(error.status_code, "http")
        return JSONResponse(problem(code, str(error.detail)), error.status_code, error.headers)

    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return JSONResponse(problem("internal", "The server failed at this. Please try again."), 500)

    app.add_exception_handler(AdvisorError, own)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unforeseen)


def run(app: Any, sock: socket.socket, settings: Settings) -> None:
    """Serve ``app`` on the bound ``sock`` until SIGTERM or SIGINT; open streams get ``GRACE`` seconds."""
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning" if settings.log_level == "info" else settings.log_level,
        access_log=settings.log_level == "debug",
        timeout_graceful_shutdown=GRACE,
        server_header=False,
        proxy_headers=False,  # whose headers count is a setting of ours
    )
    asyncio.run(uvicorn.Server(config).serve(sockets=[sock]))
