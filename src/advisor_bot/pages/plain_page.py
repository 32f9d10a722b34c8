"""The chat for a browser without JavaScript: one form, one answer, its quotes as links into the guide."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby

from jinja2 import Environment, PackageLoader

from advisor_bot.pages.guide_view import GuideOut, read_address
from advisor_bot.pages.strings import say
from advisor_bot.types import Answer, Citation, Segment


def render(guide: GuideOut, question: str = "", answer: Answer | None = None, problem: str = "") -> str:
    """Return the page as HTML: the form, and below it the ``answer`` to ``question`` or what went wrong."""
    citations = {one.n: one for one in answer.citations} if answer else {}
    return (
        _environment()
        .get_template("plain.html")
        .render(
            root="",
            title=guide.title or say("app_name"),
            how_it_answers=_how(guide),
            longest=guide.max_question_chars,
            question=question,
            answer=answer,
            problem=problem,
            groups=_groups(answer.segments) if answer else (),
            address_of=lambda n: _address(citations[n], answer.guide_version if answer else ""),
            heading_of=lambda n: " › ".join(citations[n].heading) or citations[n].title,
            next=answer.suggestions if answer else guide.starters,
            sent=guide.sent,
            kept_days=guide.kept_days,
            contact=guide.contact,
        )
    )


def _how(guide: GuideOut) -> str:
    if guide.writer == "quotes":
        return say("how_it_answers")
    if guide.own_words:
        return say("model_writes_own", model=guide.writer)
    return say("model_writes", model=guide.writer)


def _groups(segments: Sequence[Segment]) -> list[tuple[str, list[Segment]]]:
    """Return neighbouring items together, neighbouring rows together, everything else by itself."""
    keyed = enumerate(segments)
    found = groupby(keyed, lambda pair: pair[1].kind if pair[1].kind in ("item", "row") else pair[0])
    return [(run[0][1].kind, [one for _, one in run]) for _, members in found if (run := list(members))]


def _address(citation: Citation, version: str) -> str:
    return read_address(citation.document, version, [(citation.start, citation.end)], "mark-0")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("advisor_bot"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(say=say)
    return environment
