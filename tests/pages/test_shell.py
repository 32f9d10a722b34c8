"""The head of the chat page: what a shared link shows is ours, and asks nobody else for a picture."""

from __future__ import annotations

from pathlib import Path

import gradio

from advisor_bot.pages.shell import with_our_head

PAGE = (Path(gradio.__file__).parent / "templates" / "frontend" / "index.html").read_text("utf-8")


def test_a_shared_link_shows_the_guides_name_and_nothing_of_the_framework() -> None:
    head = with_our_head(PAGE, 'Fees & "grants"').split("</head>")[0]
    assert '<meta property="og:title" content="Fees &amp; &quot;grants&quot;">' in head
    assert head.count("og:title") == head.count("<title>") == 1
    assert "Click to try out" not in head
    assert "og:image" not in head
    assert "@Gradio" not in head


def test_the_rest_of_the_page_stays_as_it_is() -> None:
    assert with_our_head(PAGE, "x").split("</head>")[1] == PAGE.split("</head>")[1]
