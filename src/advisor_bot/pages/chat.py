"""The chat page: Gradio draws it and its controls, in a theme of its own.

The conversation runs in the browser (``static/chat.js``) over the same public API as everything else.
So nothing of it lives on the server, a page survives a restart of the server, and no number of turns
or tabs makes it slow. The page's words stand in ``static/strings.en.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from advisor_bot.llm.providers import display_name, what_is_sent
from advisor_bot.pages.strings import STATIC, say
from advisor_bot.settings import Settings

if TYPE_CHECKING:
    import gradio as gr

# Nothing is shown before chat.js says that all is drawn (or after five seconds, should it not come): no jumps.
_HEAD = """
<style>
/* colors */
gradio-app { visibility: hidden; animation: show-anyway 0s 5s forwards }
body.advisor-drawn gradio-app { visibility: visible; animation: none }
@keyframes show-anyway { to { visibility: visible } }
</style>
<link rel="icon" href="ui/icon.svg">
<link rel="stylesheet" href="ui/guide.css">
<link rel="stylesheet" href="ui/answer.css">
<link rel="stylesheet" href="ui/chat.css">
<script type="module" src="ui/chat.js"></script>
"""

_ICONS = {
    "book": "M12 7c-2.5-2-5.5-2-8-1v12c2.5-1 5.5-1 8 1 2.5-2 5.5-2 8-1V6c-2.5-1-5.5-1-8 1zM12 7v12",
    "person": "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5",
    "plus": "M12 5v14M5 12h14",
    "bars": "M5 7h14M5 12h14M5 17h14",
}
# {name} is an icon or a string of the catalogue; what depends on the guide is filled in by the browser.
_MASTHEAD = """
<header class="masthead">
  <div class="masthead-words">
    <h1 id="guide-title">{app_name}</h1>
    <p>{how_it_answers} <span id="away" role="status"></span></p>
  </div>
  <div class="masthead-tools">
    <button type="button" class="text-button only-narrow" id="open-guide" aria-label="{open_guide}">
      <svg viewBox="0 0 24 24" class="icon" aria-hidden="true"><path d="{book}"/></svg>
    </button>
    <button type="button" class="text-button only-turns" id="new-chat" aria-label="{new_chat}">
      <svg viewBox="0 0 24 24" class="icon" aria-hidden="true"><path d="{plus}"/></svg><span>{new_chat}</span>
    </button>
    <button type="button" class="text-button" id="open-profile" aria-label="{open_profile}">
      <svg viewBox="0 0 24 24" class="icon" aria-hidden="true"><path d="{person}"/></svg><span>{open_profile}</span>
    </button>
    <details class="menu" id="menu">
      <summary class="text-button" aria-label="{menu}">
        <svg viewBox="0 0 24 24" class="icon" aria-hidden="true"><path d="{bars}"/></svg><span>{menu}</span>
      </summary>
      <div class="menu-items">
        <button type="button" id="menu-print">{menu_print}</button>
        <button type="button" id="menu-save">{menu_save}</button>
        <button type="button" id="menu-theme" aria-pressed="false">{menu_theme}</button>
        <button type="button" id="menu-about">{about_guide}</button>
        <button type="button" id="menu-forget">{menu_forget}</button>
      </div>
    </details>
  </div>
</header>
<div id="announce" class="offscreen" aria-live="polite"></div>
<dialog id="profile-dialog" class="dialog" aria-labelledby="profile-title">
  <form method="dialog">
    <h2 id="profile-title">{profile_title}</h2>
    <p>{profile_text}</p>
    <label>{profile_background}<input name="background" maxlength="300" placeholder="{profile_background_hint}"></label>
    <label>{profile_aims}<input name="aims" maxlength="300" placeholder="{profile_aims_hint}"></label>
    <label>{profile_time}<input name="time" maxlength="300" placeholder="{profile_time_hint}"></label>
    <label>{profile_worries}<input name="worries" maxlength="300" placeholder="{profile_worries_hint}"></label>
    <div class="dialog-buttons">
      <button class="chip" type="button" data-empty>{profile_empty}</button>
      <button class="chip" value="save">{profile_save}</button>
      <button class="chip main" value="ask">{profile_ask}</button>
    </div>
  </form>
</dialog>
<dialog id="about-dialog" class="dialog" aria-labelledby="about-title">
  <form method="dialog">
    <h2 id="about-title">{about_guide}</h2>
    <p id="about-name"></p>
    <p>{how_it_answers}</p>
    <p id="edition"></p>
    <p id="figures"></p>
    <div class="dialog-buttons"><button class="chip main" value="close">{close}</button></div>
  </form>
</dialog>
<dialog id="new-dialog" class="dialog" aria-labelledby="new-words">
  <form method="dialog">
    <p id="new-words">{new_chat_question}</p>
    <div class="dialog-buttons">
      <button class="chip" value="no">{cancel}</button>
      <button class="chip main" value="yes">{new_chat_yes}</button>
    </div>
  </form>
</dialog>
<dialog id="forget-dialog" class="dialog" aria-labelledby="forget-words">
  <form method="dialog">
    <p id="forget-words">{forget_question}</p>
    <div class="dialog-buttons">
      <button class="chip" value="no">{cancel}</button>
      <button class="chip main" value="yes">{forget_yes}</button>
    </div>
  </form>
</dialog>
"""
_CONVERSATION = """
<div class="log-scroll" role="region" aria-label="{conversation}" tabindex="0">
  <section class="welcome" id="welcome">
    <h2>{welcome_title}</h2>
    <p>{welcome_text}</p>
    <ul class="starters" id="starters"></ul>
    <p><button type="button" class="link-button" id="tell-about-you">{tell_about_you}</button></p>
  </section>
  <div id="log"></div>
  <section class="print-extra" id="print-extra"></section>
</div>
"""
_READER = '<section class="reader" id="reader-root" aria-label="{guide_pane}"></section>'
_FOOTER = """
<footer class="page-foot">
  <div><p>{not_advice} <span id="revised"></span></p><div id="adviser"></div></div>
</footer>
"""


def head() -> str:
    """Return the page's head. The colors come with the page, so that dark mode never begins white."""
    return _HEAD.replace("/* colors */", (STATIC / "tokens.css").read_text("utf-8"))


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


def build_page(settings: Settings) -> gr.Blocks:
    """Return the chat page; what it shows of the guide the browser fetches when it opens."""
    import gradio as gr

    model = model_words(settings)
    page: gr.Blocks
    with gr.Blocks(title=say("app_name"), fill_width=True, analytics_enabled=False) as page:
        _html(_MASTHEAD, "masthead", model)
        with gr.Row(elem_id="panes"):
            with gr.Column(elem_id="chat"):
                _html(_CONVERSATION, "conversation", model)
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
                _html(_FOOTER, "footer", model)
            with gr.Column(elem_id="guide"):
                _html(_READER, "reader")
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


def _html(template: str, elem_id: str, instead: Mapping[str, str] | None = None) -> None:
    import gradio as gr

    said = instead or {}
    words = {name: _ICONS.get(name) or escape(said.get(name) or say(name)) for name in _names(template)}
    gr.HTML(template.format(**words), elem_id=elem_id, apply_default_css=False, js_on_load=None)


def _names(template: str) -> set[str]:
    from string import Formatter

    return {name for _, name, _, _ in Formatter().parse(template) if name}
