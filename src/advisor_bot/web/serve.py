"""``python app.py``: take the port, publish the guide if nothing is published yet, serve."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor_bot import heap
from advisor_bot.errors import AdvisorError, IndexingError, SettingsError
from advisor_bot.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from prometheus_client.registry import Collector

    from advisor_bot.answers.advisor import Advisor
    from advisor_bot.assemble import Shared
    from advisor_bot.index.versions import Place
    from advisor_bot.journal.keeper import Journal
    from advisor_bot.web.guides import Guides

_WARMING = threading.Lock()  # one guide at a time: what is made ready for later keeps nobody waiting now


def app(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of documents to publish and serve; default corpus/.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, 0 for a free one; default 7860.")] = None,
    index: Annotated[
        Path | None,
        typer.Option(help="Index folder, or a Chroma server, http://HOST:PORT; default .advisor/ beside the corpus."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Publish again whenever a file of the guide changes.")] = False,
    guides: Annotated[
        Path | None, typer.Option(help="Folder with a guide in each subfolder: serve them all, at /g/NAME/.")
    ] = None,
) -> None:
    """Serve the chat page, the API and the guide."""
    if guides and (folder or index):
        raise SettingsError("--guides names the folder of several guides; give no other folder and no --index with it.")
    if folder:
        index = index or index_of(folder)
    read = partial(Settings.read, os.environ, Path(".env"), host=host, port=port)
    settings = read(corpus=folder, index=index, guides=guides)
    if settings.guides and not (folder or index):
        serve_guides(settings, read, watch=watch)
    else:
        serve(settings, watch=watch, fresh=folder is not None)


def index_of(folder: Path) -> Path:
    """Return where a folder's own index stands: ``.advisor`` in it, or beside a lone file."""
    return (folder if folder.is_dir() else folder.absolute().parent) / ".advisor"


def serve(settings: Settings, *, watch: bool = False, fresh: bool = False) -> None:
    """Serve until told to stop. Raises ``AdvisorError`` where the port is taken or there is no guide to serve.

    The port is taken first, so that a busy one is said before anything heavy is loaded. ``fresh``: what has changed
    since it was published is published first; otherwise only a guide that never was.
    """
    from advisor_bot.web.access import openings

    sock = bind(settings)
    for line in openings(settings):
        sys.stderr.write(f"Warning: {line}\n")
    _publish_if_needed(settings, fresh=fresh)
    heap.keep_together()
    sys.stderr.write("Opening the guide…\n")
    from advisor_bot.web.app import run

    application = server(settings)
    _log_requests(settings)
    if watch:
        threading.Thread(target=_watch, args=(settings,), name="watch", daemon=True).start()
    let_in(sock, settings)
    try:
        run(application, sock, settings)
    finally:
        application.state.advisor.versions.close()


def bind(settings: Settings) -> socket.socket:
    """Take ``host``:``port`` (0: any free port). Raises ``AdvisorError`` in one line where that is refused.

    Nobody is let in yet: a balancer then asks another server instead of waiting for this one to open its guide.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with _refused(sock, settings):
        sock.bind((settings.host, settings.port))
    return sock


def let_in(sock: socket.socket, settings: Settings) -> None:
    """Listen, and say where. Raises as ``bind`` does, where another server took the port meanwhile."""
    with _refused(sock, settings):
        sock.listen(2048)
    sys.stdout.write(f"Serving on {address(sock)} (Ctrl-C stops)\n")
    sys.stdout.flush()


@contextmanager
def _refused(sock: socket.socket, settings: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        sock.close()
        reason = error.strerror or str(error)
        raise AdvisorError(
            f"Cannot listen on {settings.host}:{settings.port}: {reason}. "
            "Stop what uses it, or choose another with --host H or --port N."
        ) from None


def address(sock: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server(settings: Settings, name: str = "", shared: Shared | None = None) -> FastAPI:
    """Return the web application over an advisor that follows the live version.

    ``name`` is the guide's, where it is one of several, and ``shared`` is what they have in common.
    """
    from advisor_bot.assemble import advisor
    from advisor_bot.llm.writer import Converser
    from advisor_bot.web.app import create_app
    from advisor_bot.web.metrics import Metrics

    built = advisor(settings, shared)
    counted: list[Collector] = [built.writer.ledger] if isinstance(built.writer, Converser) else []
    journal = journal_of(built, settings)

    def warm() -> None:
        # No daemon: inside native code while the interpreter goes, it would abort it. It ends with the main thread.
        threading.Thread(target=_warm, args=(built,), name="warm").start()

    built.versions.watch(swapped=warm)
    warm()
    if journal:
        journal.start()
        counted.append(journal)
    return create_app(built, settings, Metrics(*counted, guide=name), journal)


def _warm(advisor: Advisor) -> None:
    from advisor_bot.web import late

    with _WARMING:
        advisor.warm(late.wait)  # a visitor who waits for the page comes first


def journal_of(advisor: Advisor, settings: Settings) -> Journal | None:
    """Return the journal that ``settings`` turn on, not started yet. Raises ``SettingsError`` for a URL of no use."""
    if not settings.journal:
        return None
    from advisor_bot.journal.keeper import Journal
    from advisor_bot.journal.masking import hidden
    from advisor_bot.web.metrics import request_id

    def hides(text: str) -> bool:
        with advisor.versions.lease() as guide:
            return hidden(text, guide)

    return Journal(settings.journal, settings.journal_days, hides, request_id)


def _log_requests(settings: Settings) -> None:
    """Write a line of JSON for every request to standard error, unless less is to be logged."""
    if settings.log_level in ("debug", "info"):
        log, handler = logging.getLogger("advisor_bot.requests"), logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False


def serve_guides(base: Settings, read: Callable[..., Settings], *, watch: bool = False) -> None:
    """Serve every guide in the folder ``base.guides`` until told to stop; ``read`` reads the settings of one.

    Raises ``AdvisorError`` where the port is taken, there is no such folder, or a setting cannot be for all.
    """
    from advisor_bot.web.access import openings
    from advisor_bot.web.app import run

    sock = bind(base)
    heap.keep_together()
    guides = guides_of(base, read, watch=watch)
    guides.hosted = guides.look()
    for line in dict.fromkeys(line for one in guides.hosted.values() for line in openings(one.settings)):
        sys.stderr.write(f"Warning: {line}\n")
    _log_requests(base)
    let_in(sock, base)
    run(guides, sock, base)


def guides_of(base: Settings, read: Callable[..., Settings], *, watch: bool = False) -> Guides:
    """Return the web application over all guides in ``base.guides``. Raises as ``serve_guides`` does."""
    from advisor_bot.assemble import Shared
    from advisor_bot.web.guides import Guides

    shared = Shared()
    publishing = threading.Lock()  # one at a time: each takes a process with PyTorch

    def publish(settings: Settings) -> None:
        with publishing:
            _publish_apart(settings)

    return Guides(base, read, lambda name, settings: server(settings, name, shared), publish, watch=watch)


def _publish_if_needed(settings: Settings, *, fresh: bool) -> None:
    from advisor_bot.index.server import place_of

    published = _published(place_of(settings))
    if published and not fresh:
        return
    if not published:
        sys.stderr.write(f"Nothing is published in {settings.index_place} yet: publishing {settings.corpus} first.\n")
    _publish_apart(settings)
    if not _published(place_of(settings)):
        raise AdvisorError("The guide could not be published, so there is nothing to serve; the lines above say why.")


def _published(place: Place) -> list[str]:
    """Return what is published; where a server is away, what this machine has of it. Raises where that is nothing."""
    from advisor_bot.index import versions

    try:
        place.follow()
    except IndexingError as error:
        if not versions.published(place.folder):
            raise
        sys.stderr.write(f"Warning: {error} What was live before is served meanwhile.\n")
    return versions.published(place.folder)


def _publish_apart(settings: Settings) -> None:
    """Publish in a process of its own: serving then never carries PyTorch, which only publishing needs."""
    process = get_context("spawn").Process(target=_publish, args=(settings,))
    process.start()
    process.join()


def _publish(settings: Settings) -> None:
    from advisor_bot.ingest_command import publish_with_progress

    try:
        publish_with_progress(settings)
    except AdvisorError as error:
        sys.exit(f"{error}")


def _watch(settings: Settings) -> None:
    from advisor_bot.index.publish import watch

    watch([settings.corpus], lambda: _publish_apart(settings))


def main() -> None:
    """Run the command; an error is one line on stderr and exit code 1."""
    heap.multiply_in_one_thread()
    command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    command.command()(app)
    try:
        command()
    except AdvisorError as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
