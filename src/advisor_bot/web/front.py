"""What concerns all guides of a server: the list at ``/``, health, readiness, metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse, PlainTextResponse
from jinja2 import Environment, PackageLoader
from prometheus_client.core import GaugeMetricFamily

from advisor_bot import __version__
from advisor_bot.errors import AdvisorError
from advisor_bot.pages.strings import say
from advisor_bot.web.app import add_error_handlers, add_guards, add_ui
from advisor_bot.web.metrics import together
from advisor_bot.web.security import read_policy

if TYPE_CHECKING:
    from advisor_bot.web.guides import Guides, Hosted


def front(guides: Guides) -> FastAPI:
    """Return the application for what concerns all guides."""
    app = FastAPI(
        title="Advisor", version=__version__, docs_url=None, redoc_url=None, lifespan=lambda _: guides.alive()
    )
    add_guards(app, guides.base.model_copy(update={"password": ""}))  # each guide asks for its own
    add_error_handlers(app)
    add_ui(app, guides.base)
    _add_routes(app, guides)
    return app


def _title(hosted: Hosted) -> str:
    return hosted.name if hosted.settings.password else hosted.advisor.title() or hosted.name


def _add_routes(app: FastAPI, guides: Guides) -> None:
    page = Environment(loader=PackageLoader("advisor_bot"), autoescape=True).get_template("guides.html")

    @app.get("/", response_class=HTMLResponse, tags=["guides"])
    def list_of_guides() -> HTMLResponse:
        """List the guides, each with its title; a private one with its name alone."""
        shown = [(name, _title(one)) for name, one in guides.hosted.items()]
        html = page.render(say=say, guides=shown, root="")
        return HTMLResponse(html, headers={"Content-Security-Policy": read_policy(""), "Cache-Control": "no-cache"})

    @app.get("/health", tags=["service"])
    def health() -> dict[str, Any]:
        """Tell that the process is alive, and of each guide whether it is served and in which version."""
        live = {name: {"live": True, "version": one.advisor.versions.live} for name, one in guides.hosted.items()}
        return {"status": "ok", "guides": {name: {"live": False} for name in guides.refused} | live}

    @app.get("/ready", tags=["service"])
    def ready() -> dict[str, Any]:
        """Tell that a guide is served."""
        if not guides.hosted:
            raise AdvisorError("No guide is served yet. What the server said when it began tells why.")
        return {"status": "ready", "guides": list(guides.hosted)}

    @app.get("/metrics", response_class=PlainTextResponse, tags=["service"])
    def metrics() -> PlainTextResponse:
        """Show the counts of all guides in Prometheus' text format, each under its name."""
        served = GaugeMetricFamily("advisor_guide_served", "Whether a guide is served, 1 or 0", labels=["guide"])
        for name in sorted({*guides.hosted, *guides.refused}):
            served.add_metric([name], float(name in guides.hosted))
        counted = []
        for hosted in guides.hosted.values():
            with hosted.advisor.versions.lease() as guide:
                counted.append(hosted.app.state.metrics.serving(guide.name, len(guide.chunks)))
        return PlainTextResponse(together(counted, [served]), media_type="text/plain; version=0.0.4")

    @app.api_route("/{path:path}", methods=["GET", "POST"], include_in_schema=False)
    def nothing(path: str) -> None:
        """Say that there is nothing at an address."""
        raise HTTPException(404, f"There is no guide at {path[:80]!r}. The address / lists those there are.")
