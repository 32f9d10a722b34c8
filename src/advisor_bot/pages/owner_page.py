"""The owner's desk as HTML: what is live, what there was, what is being done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader

from advisor_bot.index.publish import KeptVersion

WRONG = "That is not the owner's password."


def wait(seconds: int) -> str:
    """Return what somebody reads who tried too often."""
    return f"Too many tries from your address. Try again in {math.ceil(seconds / 60)} minutes."


def sign_in(root: str, problem: str = "") -> str:
    """Return the page that asks for the owner's password."""
    html: str = _template("owner_sign_in.html").render(root=root, problem=problem)
    return html


def desk(root: str, kept: Sequence[KeptVersion], job: Any, problem: str = "") -> str:
    """Return the desk: the ``kept`` versions, newest first, and the ``job`` that runs or ran last, if any did."""
    live = next((version for version in kept if version.live), None)
    html: str = _template("owner.html").render(root=root, kept=kept, live=live, job=job, problem=problem)
    return html


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("advisor_bot"), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def _template(name: str) -> Any:
    return _environment().get_template(name)
