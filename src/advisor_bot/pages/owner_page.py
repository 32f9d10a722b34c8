"""The owner's desk as HTML: what is live, what there was, what is being done."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from advisor_bot.documents.load import CASES, READERS
from advisor_bot.documents.report import Report
from advisor_bot.index.publish import KeptVersion
from advisor_bot.settings import Settings
from advisor_bot.text import plain

SPANS = {"7d": "7 days", "30d": "30 days", "90d": "90 days", "365d": "365 days"}
# What the widget's line may say, with what it says where an owner chose nothing: docs/widget.md explains each.
LOOKS: dict[str, str] = dict.fromkeys("title greeting label accent position theme lang".split(), "") | {
    "accent": "#0b6b5d"
}
CHOICES = {
    "position": {"": "where a line of the page ends", "right": "right", "left": "left"},
    "theme": {"": "as the visitor has it", "light": "light", "dark": "dark"},
    "lang": {"": "as the page has it", "en": "English", "es": "español"},
}
_TEXTS = {"title": "Name of the chat", "label": "Words on the button", "greeting": "What it says first"}
WRONG = "That is not the owner's password."


def wait(seconds: int) -> str:
    """Return what somebody reads who tried too often."""
    return f"Too many tries from your address. Try again in {math.ceil(seconds / 60)} minutes."


def sign_in(root: str, problem: str = "") -> str:
    """Return the page that asks for the owner's password."""
    html: str = _template("owner_sign_in.html").render(root=root, problem=problem)
    return html


def desk(
    root: str,
    kept: Sequence[KeptVersion],
    job: Any,
    draft: Any,
    known: Mapping[str, Path],
    settings: Settings,
    scored: tuple[str, Mapping[str, Any]],
    problem: str = "",
) -> str:
    """Return the desk: the ``kept`` versions, newest first, and the ``job`` that runs or ran last, if any did.

    ``draft`` is the new text that waits to be published, if one does, ``known`` are the texts in the guide's folder,
    ``scored`` is the version that was asked the cases last, and what the evaluation said of it.
    """
    live = next((version for version in kept if version.live), None)
    html: str = _template("owner.html").render(
        root=root,
        kept=kept,
        live=live,
        job=job,
        draft=draft,
        known=sorted(known),
        corpus=settings.corpus,
        most=settings.max_file_mb,
        accept=",".join((*READERS, ".jsonl")),
        cases=CASES,
        scored=scored,
        problem=problem,
    )
    return html


def span(wanted: str) -> str:
    """Return a time that a report can be made of: the one wanted, or thirty days."""
    return wanted if wanted in SPANS else "30d"


def report(root: str, since: str, *, kept: bool) -> str:
    """Return the page around the report; ``kept``: there is a journal to make it of."""
    html: str = _template("owner_report.html").render(root=root, since=since, spans=SPANS, kept=kept)
    return html


def no_report(why: str) -> str:
    """Return what stands where the report would."""
    return f"<!doctype html><title>No report</title><p>The report could not be made: {escape(why or 'try again')}</p>"


def looks(color: str) -> dict[str, str]:
    """Return how the widget looks where nothing is chosen, on a server with this color."""
    return LOOKS | ({"accent": color} if color else {})


def widget_line(server: str, chosen: Mapping[str, str], without: Mapping[str, str]) -> Markup:
    """Return the line that puts the widget of ``server`` on a page, with what was ``chosen`` other than ``without``."""
    said = ((name, value) for name, value in chosen.items() if value != without[name])
    more = Markup().join(Markup(' data-{}="{}"').format(name, value) for name, value in said)
    return Markup('<script async src="{}widget.js"{}></script>').format(server, more)


def widget(root: str, chosen: Mapping[str, str], line: str, query: str, origins: Sequence[str]) -> str:
    """Return the page with the form that makes the widget's line, the line and its picture."""
    html: str = _template("owner_widget.html").render(
        root=root, chosen=chosen, line=str(line), query=query, origins=origins, texts=_TEXTS, choices=CHOICES
    )
    return html


def picture(root: str, line: Markup) -> str:
    """Return a page of anybody's that carries ``line``."""
    html: str = _template("owner_widget_picture.html").render(root=root, line=line)
    return html


@cache
def _environment() -> Environment:
    made = Environment(loader=PackageLoader("advisor_bot"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"plain": plain, "read": lambda row: str(Report(**row))}
    return made


def _template(name: str) -> Any:
    return _environment().get_template(name)
