"""The reader's page: every word tied to its place, every quote exactly marked, nothing of the guide run as HTML."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor_bot.documents import load
from advisor_bot.documents.chunk import chunk
from advisor_bot.pages import source_map, source_page
from advisor_bot.types import Document

MARKDOWN = """---
title: Bikes
---
# Bikes & *trails*

Ride **fast and *low***, says the \\*manual\\*: 20 &amp; more [see **here**](https://example.org/a_b "t").
Second line of `the code` text.

1. One **wheel** [1]
2. Two wheels
   and a bell

| Bike | Price |
|------|-------|
| Road | 900   |
| Old \\| rusty | **20** only |

> A rider *said* so.

```py
x < 1
```

Setext heading
--------------

Last words.
"""
PLAIN = "Choosing a bike\nA bike fits or it hurts.\nFrames\nSteel: heavy <b>but</b> kind.\nCarbon: light.\n"


class Page(HTMLParser):
    """Collects the text, the marked text by number, and every tag of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.marked: dict[str, str] = {}
        self._open: list[str | None] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.ids += [values["id"] or ""] if "id" in values else []
        if tag == "mark":
            self._open.append(values["data-n"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "mark":
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data
        for number in self._open:
            self.marked[str(number)] = self.marked.get(str(number), "") + data


def document(text: str, name: str = "guide.md") -> Document:
    return load.parse(name, text, markup=name.endswith(".md"))


def folded(text: str) -> str:
    return " ".join(text.split())


@given(st.text(alphabet="ab *_`[]()<>!\\&;#-|\n1.\t~>=é", max_size=80))
def test_every_word_shown_stands_where_it_is_said_to_stand(text: str) -> None:
    for piece in source_map.pieces(document(text)):
        if isinstance(piece, source_map.Run):
            assert 0 <= piece.start < piece.end
            assert not piece.exact or text[piece.start : piece.end] == piece.text


@given(st.text(max_size=200), st.integers(0, 200), st.integers(0, 200))
def test_any_text_with_any_mark_is_a_page_without_foreign_tags(text: str, start: int, end: int) -> None:
    found = document(text)
    page = Page(source_page.article(found, chunk(found), [(start, end)]))
    known = set("p h1 h2 h3 h4 h5 h6 ul ol li blockquote hr table thead tbody tr th td strong em del code br".split())
    assert set(page.tags) <= known | {"a", "div", "pre", "mark", "span"}


@pytest.mark.parametrize(
    ("quote", "shown"),
    [
        ("fast and *low*", "fast and low"),
        (
            'says the \\*manual\\*: 20 &amp; more [see **here**](https://example.org/a_b "t")',
            "says the *manual*: 20 & more see here",
        ),
        ("Second line of `the code` text.", "Second line of the code text."),
        ("One **wheel**", "One wheel"),
        ("Two wheels\n   and a bell", "Two wheels and a bell"),
        ("| 900 ", "900"),
        ("Old \\| rusty | **20**", "Old | rusty20"),
        ("A rider *said* so.", "A rider said so."),
        ("x < 1", "x < 1"),
        ("Bikes & *trails*\n\nRide", "Bikes & trailsRide"),
    ],
)
def test_a_quote_is_marked_exactly_even_through_formatting(quote: str, shown: str) -> None:
    start = MARKDOWN.index(quote)
    page = Page(source_page.article(document(MARKDOWN), (), [(start, start + len(quote))]))
    assert folded(page.marked["0"]) == shown


def test_several_quotes_are_told_apart() -> None:
    quotes = ["One **wheel**", "Last words."]
    spans = [(MARKDOWN.index(q), MARKDOWN.index(q) + len(q)) for q in quotes]
    assert Page(source_page.article(document(MARKDOWN), (), spans)).marked == {"0": "One wheel", "1": "Last words."}


def test_text_without_markup_is_shown_whole_and_as_written() -> None:
    page = Page(source_page.article(document(PLAIN, "bike.txt"), ()))
    assert [word for word in PLAIN.split() if word not in page.text] == []
    assert "b" not in page.tags


def test_what_stands_between_two_rules_is_shown() -> None:
    text = "---\n# Fees\n\nTuition is 900 USD.\n\n---\n\n# Dates\n\nIt is due in May.\n"
    assert "Tuition is 900 USD." in Page(source_page.article(document(text), ())).text


def test_text_fetched_or_called_text_is_text_without_markup_too() -> None:
    plain = load.parse("fees.text", PLAIN, markup=False)
    fetched = replace(load.parse("www.example.org/fees.txt", PLAIN, markup=False), meta={"address": "https://x.org"})
    assert source_map.pieces(plain) == source_map.pieces(fetched) == source_map.pieces(document(PLAIN, "bike.txt"))


def test_front_matter_is_not_shown() -> None:
    assert "title:" not in source_page.article(document(MARKDOWN), ())


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[click](javascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](https://evil.example/x.png)",
        '[x](https://a.example/"onmouseover="alert(1))',
        "# <svg onload=alert(1)>",
        "| <b>a</b> | b |\n|---|---|\n| <iframe src=//evil.example> | c |",
        "```\n</code></pre><script>alert(1)</script>\n```",
    ],
)
def test_guide_text_never_becomes_markup_or_loads_anything(hostile: str) -> None:
    html = source_page.article(document(hostile), ())
    page = Page(html)
    assert not {"script", "img", "iframe", "svg", "b"} & set(page.tags)
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert " onmouseover=" not in html


def test_every_heading_of_the_outline_has_its_place_in_the_page() -> None:
    found = document(MARKDOWN)
    ids = Page(source_page.article(found, ())).ids
    headings = source_page.outline(found)
    assert [heading for _, heading, _ in headings] == ["Bikes & trails", "Setext heading"]
    assert [source_map.heading_id(offset) for _, _, offset in headings] == [i for i in ids if i.startswith("h-")]


def test_every_chunk_has_one_anchor_and_rules_for_its_other_pieces() -> None:
    found = document(MARKDOWN)
    chunks = chunk(found)
    html = source_page.article(found, chunks)
    assert all(html.count(f'id="{one.id}"') == 1 for one in chunks)
    rules = source_page.target_rules(found, chunks)
    assert all((f'data-of="{one.id}"' in html) == (f'data-of="{one.id}"' in rules) for one in chunks)
