"""The owner's desk as HTML: what is live, what there was, what is being done."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from advisor_bot.documents.load import CASES, READERS
from advisor_bot.documents.report import Report
from advisor_bot.index.publish import KeptVersion
from advisor_bot.settings import Settings
from advisor_bot.text import plain

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
    problem: str = "",
) -> str:
    """Return the desk: the ``kept`` versions, newest first, and the ``job`` that runs or ran last, if any did.

    ``draft`` is the new text that waits to be published, if one does, ``known`` are the texts in the guide's folder.
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
        problem=problem,
    )
    return html


@cache
def _environment() -> Environment:
    made = Environment(loader=PackageLoader("advisor_bot"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"plain": plain, "read": lambda row: str(Report(**row))}
    return made


def _template(name: str) -> Any:
    return _environment().get_template(name)
