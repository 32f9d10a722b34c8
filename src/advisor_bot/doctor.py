"""``advisor-bot doctor``: what is set up, live, reachable and wrong, on one screen."""

from __future__ import annotations

import contextlib
import platform
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal
from urllib.parse import urlsplit

from advisor_bot import __version__
from advisor_bot.errors import AdvisorError
from advisor_bot.index import versions
from advisor_bot.index.server import place_of
from advisor_bot.settings import PREFIX, SECRET, Settings

Verdict = Literal["well", "note", "wrong"]
LITTLE = 500  # megabytes; a version of a large guide takes a hundred, and is built beside the live one
_FORMATS = {"web pages": "bs4", "PDF": "pdfplumber", "Word, ODT, EPUB": "pypandoc"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and in words: what was found and, where it is wrong, what to do."""

    about: str
    verdict: Verdict
    words: str


Check = Callable[[Settings], Iterator[Finding]]


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield every finding. Raises nothing: what cannot be looked at is a finding as well."""
    for check in (_program, _settings, _corpus, _chroma, _guide, _model, _server, _open, _journal, _disk):
        try:
            yield from check(settings)
        except AdvisorError as error:
            yield Finding(check.__name__.strip("_"), "wrong", str(error))
        except Exception as error:  # a doctor that fails at one thing goes on to the next
            yield Finding(check.__name__.strip("_"), "wrong", f"{type(error).__name__}: {error}")


def _program(_: Settings) -> Iterator[Finding]:
    yield Finding("program", "well", f"advisor-bot {__version__}, Python {platform.python_version()}")
    missing = [name for name, module in _FORMATS.items() if find_spec(module) is None]
    if missing:
        words = f"{', '.join(missing)} cannot be read: pip install 'advisor-bot[formats]'"
        yield Finding("formats", "note", words)
    else:
        yield Finding("formats", "well", f"Markdown, plain text, {', '.join(_FORMATS)}")


def _settings(settings: Settings) -> Iterator[Finding]:
    given = sorted(settings.model_fields_set)
    shown = [f"{PREFIX}{name.upper()}={'…' if name in SECRET else getattr(settings, name)}" for name in given]
    yield Finding("settings", "well", " ".join(shown) or "all as they come")
    if settings.logo:
        from advisor_bot.pages.look import logo

        found = logo(settings)
        yield Finding("logo", "well", f"{settings.logo}, {found.kind}" if found else "none")


def _corpus(settings: Settings) -> Iterator[Finding]:
    if settings.corpus.exists():
        yield Finding("corpus", "well", str(settings.corpus.absolute()))
    else:
        words = f"{settings.corpus.absolute()} is not there; ADVISOR_CORPUS names the folder that holds the guide."
        yield Finding("corpus", "note", words)


def _chroma(settings: Settings) -> Iterator[Finding]:
    if settings.index_server:
        place_of(settings).follow()
        yield Finding("chroma", "well", f"{settings.index_server} answers; its copy is in {settings.index_folder}")


def _guide(settings: Settings) -> Iterator[Finding]:
    from advisor_bot.assemble import advisor

    opened = advisor(settings.model_copy(update={"model": ""}))  # the language model is not called here
    try:
        with opened.versions.lease() as guide:
            kept = len(versions.published(settings.index_folder))
            documents, passages = len(guide.documents), len(guide.chunks)
            words = f"{guide.name} of {guide.created[:16]}: documents {documents}, passages {passages}, versions {kept}"
            live = versions.live(settings.index_folder)
            yield Finding("guide", "well" if guide.name == live else "wrong", _or_live(words, guide.name, live))
        question = next(iter(opened.starters()), "")
        began = time.perf_counter()
        answer = opened.ask(question or "What is this about?")
        took = f"{1000 * (time.perf_counter() - began):.0f} ms, written by {answer.writer}"
        yield Finding("answer", "well" if answer.citations else "note", f"“{answer.question}” {answer.status}, {took}")
    finally:
        opened.versions.close()


def _or_live(words: str, name: str, live: str) -> str:
    if name == live:
        return words
    return f"{words}. The live version {live or '(none)'} cannot be opened: run `python ingest.py` to publish again."


def _model(settings: Settings) -> Iterator[Finding]:
    if not settings.model:
        yield Finding("model", "well", "none: answers are quotes")
        return
    from advisor_bot.llm.providers import display_name, what_is_sent

    yield Finding("model", "well", f"{display_name(settings)} is set up, and was not called. {what_is_sent(settings)}")
    if settings.model_url:
        address = urlsplit(settings.model_url)
        port = address.port or (443 if address.scheme == "https" else 80)
        try:
            socket.create_connection((address.hostname or "", port), timeout=5).close()
            yield Finding("model", "well", f"{address.hostname}:{port} can be reached")
        except OSError as error:
            yield Finding(
                "model", "wrong", f"{address.hostname}:{port} cannot be reached: {error}. See ADVISOR_MODEL_URL."
            )


def _server(settings: Settings) -> Iterator[Finding]:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - a comparison
    address = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    request = urllib.request.Request(f"{address}{settings.root_path}/ready")  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            ready = b'"ready"' in answer.read(1000)
        yield Finding("server", "well" if ready else "wrong", f"{address} " + ("answers" if ready else _SOMEBODY_ELSE))
    except urllib.error.HTTPError as error:
        words = "is up, and has no guide to answer from" if error.code == 503 else _SOMEBODY_ELSE
        yield Finding("server", "wrong", f"{address} {words}")
    except OSError:
        with contextlib.suppress(OSError), socket.create_connection((host, settings.port), timeout=5):
            yield Finding("server", "wrong", f"{address} {_SOMEBODY_ELSE}")
            return
        yield Finding("server", "note", f"nothing runs at {address}; start it with `python app.py`")


_SOMEBODY_ELSE = "is answered by something else; stop that, or choose another port with ADVISOR_PORT."


def _open(settings: Settings) -> Iterator[Finding]:
    from advisor_bot.web.access import openings

    for words in openings(settings):
        yield Finding("access", "wrong", words)
    asked = [name for name, value in (("the password", settings.password), ("the key", settings.api_key)) if value]
    yield Finding("access", "well", f"visitors on {settings.host}, asked for {' and '.join(asked) or 'nothing'}")
    if settings.origins:
        yield Finding("widget", "well", f"shown on {', '.join(settings.origins)}")


def _journal(settings: Settings) -> Iterator[Finding]:
    if not settings.journal:
        yield Finding("journal", "well", "off: nothing of what is asked is kept")
        return
    from sqlalchemy import func, select
    from sqlalchemy.exc import SQLAlchemyError

    from advisor_bot.journal.tables import open_engine, prepare, questions

    engine = open_engine(settings.journal)
    where = engine.url.render_as_string(hide_password=True)
    try:
        prepare(engine)
        with engine.connect() as connection:
            kept = connection.execute(select(func.count()).select_from(questions)).scalar()
        yield Finding("journal", "well", f"{kept} questions in {where}, each kept for {settings.journal_days} days")
    except (SQLAlchemyError, OSError) as error:
        words = str(getattr(error, "orig", None) or error).splitlines()[0]
        yield Finding("journal", "wrong", f"{where} cannot be used: {words}. See ADVISOR_JOURNAL.")
    finally:
        engine.dispose()


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.index_folder
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // 1_000_000
    if free >= LITTLE:
        yield Finding("disk", "well", f"{free:,} MB free in {folder}")
    else:
        yield Finding("disk", "wrong", f"{free:,} MB free in {folder}: publishing may fail. Make room.")
