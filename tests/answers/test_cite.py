"""Lines -> a cited answer, and the proof every answer must pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor_bot.answers.cite import MARKER, Line, Quote, cite, violations
from advisor_bot.documents.load import parse
from advisor_bot.text import escape_markdown, plain, sentences
from advisor_bot.types import Answer, Document, Passage, as_json

TEXT = "# Bikes\n\nA bike costs **300 euros** [sic] in Utrecht. It lasts 12 years.\n\n- **Tires.** Tires wear out.\n"
DOCUMENT = parse("bikes.md", TEXT, markup=True)
DOCUMENTS = {"bikes.md": DOCUMENT}


def quote_of(words: str, document: Document = DOCUMENT) -> Quote:
    start = document.text.index(words)
    passage = Passage("p1", document.name, ("Bikes",), 0, len(document.text), document.text, 1.0, ("p1",))
    return Quote(passage, start, start + len(words))


COST = Line("paragraph", quotes=(quote_of("A bike costs **300 euros** [sic] in Utrecht."),))
LASTS = Line("paragraph", quotes=(quote_of("It lasts 12 years."),))


def answer_of(*lines: Line, documents: dict[str, Document] | None = None) -> Answer:
    made = cite(lines, documents or DOCUMENTS)
    return Answer("answered", "q", "q", "1", "quotes", 0.9, made.text, made.segments, made.citations, (), ())


def test_markers_number_the_citations_by_first_use_and_repeat_for_the_same_quote() -> None:
    answer = answer_of(LASTS, COST, LASTS)
    assert [c.quote for c in answer.citations] == [
        "It lasts 12 years.",
        "A bike costs **300 euros** [sic] in Utrecht.",
    ]
    assert MARKER.findall(answer.text.replace("\\[", "(")) == ["1", "2", "1"]
    assert violations(answer, DOCUMENTS) == []


def test_a_quoted_segment_is_the_plain_quote() -> None:
    segment = answer_of(COST).segments[0]
    assert segment.text == "A bike costs 300 euros [sic] in Utrecht." == plain(answer_of(COST).citations[0].quote)


def test_a_citation_of_a_web_page_opens_it_at_the_quoted_words() -> None:
    fetched = replace(DOCUMENT, meta={"address": "https://uni.example/bikes#top"})
    answer = answer_of(LASTS, documents={"bikes.md": fetched})
    assert answer.citations[0].address == "https://uni.example/bikes#:~:text=It%20lasts%2012%20years."
    assert as_json(answer)["citations"][0]["address"] == answer.citations[0].address


@pytest.mark.parametrize("address", ["", "javascript:alert(1)", "data:text/html,x"])
def test_a_citation_of_a_file_has_no_address(address: str) -> None:
    answer = answer_of(LASTS, documents={"bikes.md": replace(DOCUMENT, meta={"address": address})})
    assert "address" not in as_json(answer)["citations"][0]


def test_a_marker_in_the_guide_cannot_pass_for_ours() -> None:
    document = parse("x.md", "See note [7] and [1](http://evil.example) for *more*.", markup=True)
    line = Line("paragraph", quotes=(quote_of("See note [7]", document),))
    answer = answer_of(line, documents={"x.md": document})
    assert answer.text == "See note \\[7\\] [1]"
    assert violations(answer, {"x.md": document}) == []


@pytest.mark.parametrize(
    "broken",
    [
        lambda a: replace(a, text=a.text + " [9]"),
        lambda a: replace(a, citations=()),
        lambda a: replace(a, citations=(replace(a.citations[0], end=a.citations[0].end + 1),)),
        lambda a: replace(a, citations=(replace(a.citations[0], quote="A bike costs 400 euros."),)),
        lambda a: replace(a, segments=(replace(a.segments[0], text="A bike costs 400 euros in Utrecht."),)),
        lambda a: replace(a, segments=(replace(a.segments[0], text="A bike costs 300 euros in Delft."),)),
        lambda a: replace(a, segments=(replace(a.segments[0], citations=()),)),
    ],
    ids=["marker", "no citations", "longer span", "other quote", "other figure", "other name", "uncited"],
)
def test_whatever_is_not_proved_is_found(broken) -> None:  # type: ignore[no-untyped-def]
    answer = answer_of(COST)
    assert violations(answer, DOCUMENTS) == []
    assert violations(broken(answer), DOCUMENTS) != []


def test_a_table_cites_each_cell_and_an_empty_one_needs_no_proof() -> None:
    header = Line("row", cells=(Line("row", " "), Line("row", "Bike"), Line("row", "Boat")))
    row = Line("row", cells=(Line("row", "Cost"), COST, Line("row", "the guide does not say")))
    answer = answer_of(header, row)
    assert violations(answer, DOCUMENTS) == []
    assert answer.text.splitlines()[1] == "| --- | --- | --- |"
    assert answer.segments[1].cells is not None
    assert [cell.citations for cell in answer.segments[1].cells] == [(), (1,), ()]


@given(st.text(alphabet="ab1 .?!\n*_[]()<>|#-\\`&~é漢🙂", min_size=1, max_size=200))
def test_quotes_of_any_text_stay_exact_and_their_markers_resolve(text: str) -> None:
    document = parse("any.md", text, markup=True)
    spans = [span for span in sentences(document.text) if plain(document.text[slice(*span)])]
    passage = Passage("p", "any.md", (), 0, len(document.text), document.text, 1.0, ("p",))
    made = cite([Line("paragraph", quotes=(Quote(passage, *span),)) for span in spans], {"any.md": document})
    for citation in made.citations:
        assert document.text[citation.start : citation.end] == citation.quote != ""
    bare = made.text.replace("\\\\", "").replace("\\[", "").replace("\\]", "")
    assert {int(n) for n in MARKER.findall(bare)} == {c.n for c in made.citations}


@given(st.text(max_size=200))
def test_escaped_text_holds_no_marker_and_reads_the_same(text: str) -> None:
    escaped = escape_markdown(text)
    assert not MARKER.search(escaped.replace("\\\\", "")) or "[" not in text
    assert len(escaped) >= len(text)
