"""The chat page: sent whole by the server, so that it can be read and used before any framework is there.

The conversation runs in the browser (``static/chat.js``) over the same public API as everything else.
So nothing of it lives on the server, a page survives a restart of the server, and no number of turns
or tabs makes it slow. Once a conversation has begun, Gradio's controls take the place of the page's own
(``static/controls.js``). The page's words stand in ``static/strings.en.json``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from advisor_bot.llm.providers import display_name, what_is_sent
from advisor_bot.pages.guide_view import GuideOut
from advisor_bot.pages.look import Logo
from advisor_bot.pages.strings import catalogue, say
from advisor_bot.settings import Settings

if TYPE_CHECKING:
    import gradio as gr

STARTERS = 6  # questions offered before the first one


@dataclass(frozen=True, slots=True)
class Parts:
    """What the page is made of besides its markup.

    ``style`` and ``first``, a script that runs before anything is drawn, stand in the page; ``scripts`` are files
    under ``folder``, an address relative to the page.
    """

    style: str
    first: str
    folder: str
    scripts: tuple[str, ...]
    logo: Logo | None = None


@dataclass(frozen=True, slots=True)
class GradioFiles:
    """The addresses of Gradio's script and style sheet, relative to the page."""

    script: str
    style: str


def render(guide: GuideOut | None, settings: Settings, parts: Parts) -> str:
    """Return the page as HTML, the live ``guide`` in it; without one it waits for the server to have one."""
    words = dict(catalogue()) | model_words(settings)
    return (
        _environment()
        .get_template("chat.html")
        .render(
            words=words,
            title=guide.title if guide and guide.title else say("app_name"),
            starters=guide.starters[:STARTERS] if guide else (),
            longest=settings.max_question_chars,
            style=Markup(parts.style),  # noqa: S704 - our own file
            first=Markup(parts.first),  # noqa: S704 - our own file
            folder=parts.folder,
            scripts=parts.scripts,
            gradio=gradio_files(),
            logo=parts.logo,
            data={"words": dict(catalogue()), "guide": guide.model_dump(mode="json") if guide else None},
        )
    )


@cache
def gradio_files() -> GradioFiles:
    """Return which files Gradio's own page would load first; their names change with its version."""
    gradio = find_spec("gradio")  # where it is, without the seconds that importing it takes
    assert gradio  # noqa: S101 - a dependency
    assert gradio.origin  # noqa: S101
    page = (Path(gradio.origin).parent / "templates" / "frontend" / "index.html").read_text("utf-8")
    script = re.search(r'<script type="module"[^>]* src="\./([^"]+)"', page)
    style = re.search(r'<link rel="stylesheet"[^>]* href="\./([^"]+)"', page)
    return GradioFiles(script[1] if script else "", style[1] if style else "")


def theme() -> Any:
    """Return the page's theme: our colors and fonts in the controls that Gradio draws."""
    import gradio as gr

    base = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    plain = {
        "body_background_fill": "var(--paper)",
        "body_text_color": "var(--ink)",
        "input_background_fill": "var(--sheet)",
        "input_border_color": "var(--line)",
        "input_border_color_focus": "var(--accent)",
        "input_placeholder_color": "var(--soft)",
        "button_primary_background_fill": "var(--accent)",
        "button_primary_background_fill_hover": "var(--accent)",
        "button_primary_text_color": "var(--on-accent)",
        "block_background_fill": "transparent",
    }
    return base.set(**plain, **{f"{name}_dark": value for name, value in plain.items()})


def build_controls(settings: Settings) -> gr.Blocks:
    """Return the controls that Gradio draws: the question's field and its button."""
    import gradio as gr

    page: gr.Blocks
    with gr.Blocks(title=say("app_name"), fill_width=True, analytics_enabled=False) as page:
        with gr.Row(elem_id="composer"):
            question = gr.Textbox(
                label=say("question_label"),
                placeholder=say("question_placeholder"),
                max_lines=6,
                max_length=settings.max_question_chars,
                container=False,
                elem_id="question",
            )
            ask = gr.Button(say("ask"), variant="primary", elem_id="ask")
        send = "(text) => window.advisor.ask(text)"
        question.submit(None, question, question, js=send)
        ask.click(None, question, question, js=send)
    return page


def model_words(settings: Settings) -> dict[str, str]:
    """Return what the page says otherwise where a language model writes: who does, and what is sent to whom."""
    if not settings.model:
        return {}
    sent, own = " " + what_is_sent(settings), settings.model_style == "own-words"
    name = "a language model (" + display_name(settings) + ")"
    chooses = "A language model chooses the sentences that answer; every one is quoted from the guide. "
    writes = "A language model writes the answers from the guide; they can be wrong, the quotes behind them cannot. "
    return {
        "how_it_answers": say("model_writes_own", model=name) if own else say("model_writes", model=name),
        "welcome_text": (writes if own else chooses) + "The numbers open them in their place." + sent,
        "not_advice": say("not_advice") + sent,
    }


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("advisor_bot"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
