"""Cutting documents: what goes together, what stays whole, and what an edit leaves alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from advisor_bot.documents.chunk import ReadSentence, chunk, encoded_texts
from advisor_bot.documents.load import parse
from advisor_bot.text import plain
from advisor_bot.types import Chunk, Document

PLAIN = Path(__file__).parents[1] / "fixtures" / "plain"


def cut(text: str, target: int = 600, *, markup: bool = True) -> tuple[Document, tuple[Chunk, ...]]:
    document = parse("page.md", text, markup=markup)
    return document, chunk(document, target=target)


def pieces(text: str, target: int = 600, *, markup: bool = True) -> list[str]:
    return [piece.text for piece in cut(text, target, markup=markup)[1]]


def quoted(text: str, target: int = 600, *, markup: bool = True) -> list[str]:
    """Return the plain sentences of all chunks."""
    document, chunks = cut(text, target, markup=markup)
    return [plain(document.text[start:end]) for piece in chunks for start, end in piece.sentences]


def prose(sentences: int, word: str = "word") -> str:
    """Return that many sentences of about 50 characters."""
    return " ".join(f"{word.title()} {place:03} says a little about the subject at hand." for place in range(sentences))


P1, P2 = (
    "First paragraph. " + "It is long enough to stand. " * 4,
    "Second paragraph. " + "It is long enough as well. " * 4,
)
P1, P2 = P1.strip(), P2.strip()


# --- what goes together --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"{P1}\n\n{P2}\n", [P1, P2], id="paragraphs-are-not-packed"),
        pytest.param(f"# A\n\n{P1}\n\n# B\n\n{P2}\n", [P1, P2], id="headings-are-in-no-chunk"),
        pytest.param(f"Short one.\n\n{P1}\n", [f"Short one.\n\n{P1}"], id="short-paragraph-goes-with-the-next"),
        pytest.param(f"# A\n\nShort one.\n\n# B\n\n{P1}\n", ["Short one.", P1], id="but-not-across-a-heading"),
        pytest.param(f"{P1}\n\nShort one.\n", [P1, "Short one."], id="nor-with-the-one-before"),
        pytest.param("A.\n\nB.\n\nC.\n\nD.\n\nE.\n", ["A.\n\nB.\n\nC.\n\nD.", "E."], id="four-short-ones-at-most"),
        pytest.param("- a\n- b\n  - c\n", ["- a\n- b\n  - c"], id="short-list-is-one"),
        pytest.param("You need:\n\n- a\n- b\n", ["You need:\n\n- a\n- b"], id="introduction-goes-with-the-list"),
        pytest.param(f"{P1[:-1]}:\n\n- a\n- b\n", [f"{P1[:-1]}:\n\n- a\n- b"], id="longer-introduction-too"),
        pytest.param("You need:\n\n| a |\n|---|\n| b |\n", ["You need:\n\n| a |\n|---|\n| b |"], id="and-with-a-table"),
        pytest.param("> said.\n>\n> and so.\n", ["> said.\n>\n> and so."], id="quotation-of-two-paragraphs"),
        pytest.param("> said.\n\n> another.\n", ["> said.", "> another."], id="two-quotations"),
        pytest.param("- a\n\n  more of a\n- b\n", ["- a\n\n  more of a\n- b"], id="item-of-two-paragraphs"),
        pytest.param("- a\n\n      code\n\n- b\n", ["- a\n\n      code\n\n- b"], id="code-in-an-item"),
        pytest.param(
            "| a |\n|---|\n| 1 |\n\n| b |\n|---|\n| 2 |\n",
            ["| a |\n|---|\n| 1 |", "| b |\n|---|\n| 2 |"],
            id="two-tables",
        ),
        pytest.param("A.\n\n<!-- hidden -->\n\nB.\n", ["A.", "B."], id="nothing-hidden-between"),
        pytest.param("- a\n\n---\n\n- b\n", ["- a", "- b"], id="lists-parted-by-a-rule"),
        pytest.param("---\ntitle: T\n---\n", [], id="front-matter-only"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_blocks_that_go_together(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


def test_a_long_paragraph_is_cut_at_sentence_ends_into_even_parts() -> None:
    text = prose(30)
    parts = pieces(text, 300)
    assert " ".join(parts) == text
    assert len(parts) == 5
    assert all(250 <= len(part) <= 350 for part in parts)
    assert all(part.startswith("Word") for part in parts)


@pytest.mark.parametrize("characters", [600, 750])
def test_a_paragraph_somewhat_longer_than_the_target_stays_whole(characters: int) -> None:
    assert len(pieces(prose(16)[:characters])) == 1


def test_a_sentence_far_too_long_is_cut_between_words_and_preferably_at_a_clause() -> None:
    text = ("this goes on and on, " + "and further " * 10) * 10
    parts = pieces(text, 200)
    assert all(len(part) <= 400 for part in parts)
    assert " ".join(parts) == text.strip()
    assert sum(part.endswith(",") for part in parts) > len(parts) / 2


def test_a_sentence_up_to_twice_the_target_is_not_cut() -> None:
    sentence = ("on and on " * 40).strip() + "."
    assert pieces(sentence, 210) == [sentence]


def test_only_a_single_enormous_word_is_cut_within() -> None:
    parts = pieces("x" * 5000, 200)
    assert "".join(parts) == "x" * 5000
    assert max(map(len, parts)) <= 400


def test_large_items_are_a_chunk_each() -> None:
    items = [f"- **Item {number}.** " + prose(4) for number in range(5)]
    assert pieces("\n".join(items)) == items


def test_an_item_stays_whole_up_to_twice_the_target() -> None:
    items = [f"- {prose(20, word)}" for word in ("apple", "pear")]
    assert pieces("\n".join(items)) == items


def test_small_items_of_a_long_list_are_grouped_by_count() -> None:
    items = [
        f"- This is small item number {number:02} of many, of a certain length, and it ends here."
        for number in range(16)
    ]
    assert [part.count("\n") + 1 for part in pieces("\n".join(items))] == [4, 4, 4, 4]


def test_nested_items_stay_with_their_parent_where_it_fits() -> None:
    families = [f"- Parent {n}: {prose(3)}\n  - child one of {n}\n  - child two of {n}" for n in range(4)]
    assert pieces("\n".join(families)) == families


def test_a_family_too_large_falls_apart_into_parent_and_children() -> None:
    parent = f"- Parent. {prose(10)}"
    children = [f"  - Child {n}. {prose(8)}" for n in range(2)]
    assert pieces("\n".join([parent, *children])) == [parent, *(child.strip() for child in children)]


def test_a_long_table_is_cut_between_rows_and_keeps_its_header_where_embedded() -> None:
    rows = [f"| School {n:02} | {prose(1)} | {n * 100} euros |" for n in range(20)]
    text = "\n".join(["| School | Remark | Fee |", "|---|---|---|", *rows])
    document, chunks = cut(text)
    assert len(chunks) > 3
    assert "\n".join(piece.text for piece in chunks) == text
    assert {piece.kind for piece in chunks} == {"row"}
    for piece in chunks:
        assert encoded_texts(piece, document).chunk.count("School: School ") == len(piece.sentences)


def test_a_testimonial_stays_whole() -> None:
    text = f'Ann: "{prose(15)}"\n'
    (piece,) = cut(text, markup=False)[1]
    assert (piece.kind, piece.label, piece.text) == ("quote", "Ann", text.strip())


# --- sentences -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("One here. Two here.\n", ["One here.", "Two here."], id="plain"),
        pytest.param(
            "Dr. Lee paid $3.50 in the U.S. She left.\n",
            ["Dr. Lee paid $3.50 in the U.S.", "She left."],
            id="abbreviations",
        ),
        pytest.param("One\nhere. Two\nhere.\n", ["One here.", "Two here."], id="line-breaks"),
        pytest.param("- One here. Two here.\n", ["One here.", "Two here."], id="bullet-left-out"),
        pytest.param("12. One here.\n", ["One here."], id="number-left-out"),
        pytest.param("- [x] Done it.\n", ["Done it."], id="task-mark-left-out"),
        pytest.param(
            "- **Cost.** Ten euros. Or more.\n", ["Cost. Ten euros.", "Or more."], id="label-with-its-sentence"
        ),
        pytest.param("- **Cost of it all.** Ten euros.\n", ["Cost of it all. Ten euros."], id="longer-label"),
        pytest.param("**Note this.** Ten euros are due.\n", ["Note this.", "Ten euros are due."], id="bold-sentence"),
        pytest.param(
            "**Both here. And there.** Then more.\n",
            ["Both here. And there.", "Then more."],
            id="emphasis-is-not-broken",
        ),
        pytest.param(
            'See [this. And that](http://a.b/c. "T. U") now. Then go.\n',
            ["See this. And that now.", "Then go."],
            id="link-is-not-broken",
        ),
        pytest.param("Use `a. B` here. Then go.\n", ["Use a. B here.", "Then go."], id="code-is-not-broken"),
        pytest.param("It costs 5. It is cheap.\n", ["It costs 5.", "It is cheap."], id="figure-at-the-end"),
        pytest.param("1986\\. It was a year.\n", ["1986. It was a year."], id="bare-number"),
        pytest.param("A. First choice here.\n", ["A. First choice here."], id="bare-letter"),
        pytest.param("Yes. You may.\n", ["Yes.", "You may."], id="short-answer-stands"),
        pytest.param(
            "It opens at 8 a.m. Monday to Friday. Come.\n",
            ["It opens at 8 a.m. Monday to Friday.", "Come."],
            id="time-and-day",
        ),
        pytest.param("It closes at 5 p.m. ET. Come.\n", ["It closes at 5 p.m. ET.", "Come."], id="time-zone"),
        pytest.param(
            "It rose. (See the table.) It fell.\n", ["It rose. (See the table.)", "It fell."], id="remark-in-brackets"
        ),
        pytest.param("> One here.\n> Two here.\n", ["One here.", "Two here."], id="quotation-marks-left-out"),
        pytest.param("> One\n> here. Two\n> here.\n", ["One here.", "Two here."], id="quotation-over-lines"),
        pytest.param("| a | b |\n|---|---|\n| 1. x | 2 |\n", ["1. x 2"], id="rows"),
        pytest.param("```py\nx = 1. y\n```\n", ["x = 1. y"], id="code-without-fence"),
        pytest.param("- One.\n  - Two.\n", ["One.", "Two."], id="nested-items"),
        pytest.param(
            "Élan vital. Ōsaka is 😀 far. Yes it is.\n",
            ["Élan vital.", "Ōsaka is 😀 far.", "Yes it is."],
            id="beyond-ascii",
        ),
    ],
)
def test_sentences_read_well(text: str, expected: list[str]) -> None:
    assert quoted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Deep Soil: It keeps water. And air.\n", ["Deep Soil: It keeps water.", "And air."], id="label"),
        pytest.param("• One here.\n", ["One here."], id="bullet-left-out"),
        pytest.param("(a) One here. Two here.\n", ["One here.", "Two here."], id="letter-left-out"),
        pytest.param('Ann: "One here. Two here."\n', ['Ann: "One here. Two here."'], id="short-testimonial"),
        pytest.param(
            'Ann: "' + "Much was said about it. " * 9 + 'And so on."\n',
            ['Ann: "Much was said about it.', *["Much was said about it."] * 8, 'And so on."'],
            id="testimonial",
        ),
    ],
)
def test_sentences_of_plain_text_read_well(text: str, expected: list[str]) -> None:
    assert quoted(text, markup=False) == expected


# --- what is encoded -----------------------------------------------------------------------------------------


def test_a_passage_opens_with_title_and_headings_named_once() -> None:
    document, chunks = cut("---\ntitle: Guide\n---\n# Guide\n\n## Costs\n\n- **Tent.** It costs *ten* euros.\n")
    texts = encoded_texts(chunks[0], document)
    assert texts.chunk == "Guide > Costs\nTent. It costs ten euros."
    assert texts.sentences == (ReadSentence("Tent. It costs ten euros.", "Costs"),)


def test_a_passage_leaves_a_file_name_out() -> None:
    document, chunks = cut("Words alone.\n")
    texts = encoded_texts(chunks[0], document)
    assert texts.chunk == "Words alone."
    assert texts.sentences == (ReadSentence("Words alone."),)


# --- hostile text --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("markup", [True, False], ids=["markdown", "plain"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 300_000, id="one-word"),
        pytest.param("word " * 60_000, id="one-line"),
        pytest.param("It goes on. " * 25_000, id="one-paragraph"),
        pytest.param(("and on " * 40 + "it goes. ") * 1_000, id="long-sentences"),
        pytest.param("<!--" * 75_000, id="open-comments"),
        pytest.param("[" * 300_000, id="brackets"),
        pytest.param("*a " * 100_000, id="stars"),
        pytest.param("` " * 100_000, id="backticks"),
        pytest.param("a: " * 100_000, id="colons"),
        pytest.param("a. " * 100_000, id="letters"),
        pytest.param('"' * 300_000, id="quotation-marks"),
        pytest.param("- x\n" * 5_000, id="items"),
        pytest.param("".join("  " * depth + "- item\n" for depth in range(300)), id="nested-items"),
        pytest.param("|a|b|\n|-|-|\n" + "|x|y|\n" * 5_000, id="rows"),
        pytest.param("Yes.\n\n" * 5_000, id="short-paragraphs"),
        pytest.param("# " + "h" * 300_000, id="heading"),
    ],
)
def test_hostile_text_is_cut_into_small_chunks(text: str, markup: bool) -> None:
    _, chunks = cut(text, markup=markup)
    assert all(len(piece.text) <= 1250 for piece in chunks)
    assert all(right - left <= 1200 for piece in chunks for left, right in piece.sentences)


# --- ids -----------------------------------------------------------------------------------------------------


def test_an_id_depends_on_name_headings_text_and_occurrence() -> None:
    text = f"# A\n\n{P1}\n\n{P1}\n\n# B\n\n{P1}\n"
    here = chunk(parse("a.md", text, markup=True))
    there = chunk(parse("b.md", text, markup=True))
    ids = [piece.id for piece in here + there]
    assert len(set(ids)) == len(ids) == 6
    assert all(re.fullmatch(r"[0-9a-f]{20}", name) for name in ids)
    assert here == chunk(parse("a.md", text, markup=True))


def test_heading_and_text_cannot_be_mistaken_for_one_another() -> None:
    one = chunk(parse("a.md", f"# A\n\n## B\n\n{P1}\n", markup=True))[0]
    other = chunk(parse("a.md", f"# A B\n\n{P1}\n", markup=True))[0]
    assert one.id != other.id


# --- any document --------------------------------------------------------------------------------------------

WORDS = st.sampled_from("alpha beta gamma delta cost price 12 tree é 😀 e.g. (so) “yes” a".split())
SENTENCE = st.lists(WORDS, min_size=1, max_size=40).map(lambda words: " ".join(words).capitalize() + ".")
PARAGRAPH = st.lists(SENTENCE, min_size=1, max_size=12).map(" ".join)
BLOCK = st.one_of(
    PARAGRAPH,
    PARAGRAPH.map(lambda words: words[:-1] + ":"),
    SENTENCE,
    SENTENCE.map(lambda words: words.replace(" ", "\n")),
    st.lists(SENTENCE, min_size=1, max_size=12).map(lambda items: "\n".join("- " + item for item in items)),
    st.lists(SENTENCE, min_size=1, max_size=6).map(lambda items: "\n".join("1. **Cost.** " + item for item in items)),
    st.lists(SENTENCE, min_size=2, max_size=5).map(
        lambda items: f"- {items[0]}\n" + "\n".join("  - " + i for i in items[1:])
    ),
    st.lists(SENTENCE, min_size=1, max_size=9).map(
        lambda rows: "| a | b |\n|---|---|\n" + "\n".join(f"| {r} | 1 |" for r in rows)
    ),
    PARAGRAPH.map(lambda words: "> " + words),
    SENTENCE.map(lambda words: f"```\n{words}\n```"),
)
HEADING = st.builds(lambda level, words: "#" * level + " " + words, st.integers(1, 3), SENTENCE)
PAGE = st.lists(st.one_of(BLOCK, BLOCK, BLOCK, HEADING), min_size=1, max_size=10)
TARGET = st.sampled_from([200, 600])
MARKUP = re.compile(r"(?m)^(?:[ \t]*(?:>|(?:[-*+]|\d+[.)])(?=\s)))+|^```$|^\| a \| b \|$|^\|---\|---\|$")


def check(document: Document, chunks: tuple[Chunk, ...], markup: re.Pattern[str] = MARKUP) -> None:
    """Check what holds for every document: exact offsets, one section a chunk, every word in one chunk and sentence."""
    text = document.text
    covered = [0] * len(text)
    spoken = [0] * len(text)
    end = 0
    for piece in chunks:
        assert piece.text == text[piece.start : piece.end] == piece.text.strip() != ""
        assert piece.start >= end
        end = piece.end
        (section,) = [s for s in document.sections if s.body <= piece.start and piece.end <= s.end]
        assert piece.heading == section.heading
        for at in range(piece.start, piece.end):
            covered[at] += 1
        last = piece.start
        for left, right in piece.sentences:
            assert last <= left < right <= piece.end
            last = right
            for at in range(left, right):
                spoken[at] += 1
    assert len({piece.id for piece in chunks}) == len(chunks)
    words = [bool(sign.strip()) for sign in text]
    for found in markup.finditer(text):
        words[found.start() : found.end()] = [False] * (found.end() - found.start())
    for section in document.sections:
        missed = [at for at in range(section.body, section.end) if words[at] and (covered[at], spoken[at]) != (1, 1)]
        assert missed == [], text[missed[0] - 20 : missed[0] + 20]
        assert not any(covered[section.start : section.body])


@given(page=PAGE, target=TARGET)
def test_chunks_hold_every_word_once_and_cross_no_heading(page: list[str], target: int) -> None:
    check(*cut("\n\n".join(page), target))


@given(
    lines=st.lists(
        st.one_of(PARAGRAPH, SENTENCE, WORDS.map(str.title), SENTENCE.map(lambda s: "Cost: " + s)), max_size=15
    ),
    target=TARGET,
)
def test_chunks_of_plain_text_have_exact_offsets(lines: list[str], target: int) -> None:
    document, chunks = cut("\n".join(lines), target, markup=False)
    for piece in chunks:
        assert piece.text == document.text[piece.start : piece.end]
        assert sum(s.body <= piece.start and piece.end <= s.end for s in document.sections) == 1
        assert all(piece.start <= left < right <= piece.end for left, right in piece.sentences)
    blocks = [block for section in document.sections for block in section.blocks]
    assert sum(len(piece.text.split()) for piece in chunks) == sum(
        len(document.text[block.start : block.end].split()) for block in blocks
    )


@pytest.mark.parametrize("file", sorted(PLAIN.glob("*.txt")), ids=lambda file: file.stem)
def test_the_fixtures_are_cut_whole(file: Path) -> None:
    document, chunks = cut(file.read_text(encoding="utf-8"), markup=False)
    assert len(chunks) >= 5
    blocks = [document.text[b.start : b.end] for section in document.sections for b in section.blocks]
    assert " ".join(" ".join(piece.text.split()) for piece in chunks) == " ".join(" ".join(b.split()) for b in blocks)


LETTERS = re.compile(r"(?<=[a-z])[a-z](?=[a-z])")


@given(page=PAGE, target=TARGET, data=st.data())
def test_an_edit_inside_one_paragraph_changes_only_the_chunks_that_touch_it(
    page: list[str], target: int, data: st.DataObject
) -> None:
    text = "\n\n".join(page)
    old, before = cut(text, target)
    assume(before)
    assume(len({(piece.heading, piece.text) for piece in before}) == len(before))
    places = [found.start() for s in old.sections for b in s.blocks for found in LETTERS.finditer(text, b.start, b.end)]
    assume(places)
    at = data.draw(st.sampled_from(places))
    after = cut(text[:at] + "z" + text[at + 1 :], target)[1]
    (block,) = [b for s in old.sections for b in s.blocks if b.start <= at < b.end]
    assume(len({(piece.heading, piece.text) for piece in after}) == len(after))
    ids = {piece.id for piece in after}
    gone = [piece for piece in before if piece.id not in ids]
    assert all(piece.start < block.end and block.start < piece.end for piece in gone)
    assert [(p.start, p.end) for p in before] == [(p.start, p.end) for p in after]


LONG = PARAGRAPH.map(
    lambda words: f"It is often said that {words} So much for this paragraph, which is not a very short one."
)


@settings(max_examples=50)
@given(paragraphs=st.lists(LONG, min_size=1, max_size=8, unique=True), more=SENTENCE, data=st.data())
def test_a_sentence_more_changes_only_the_chunks_of_its_paragraph(
    paragraphs: list[str], more: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(paragraphs) - 1))
    edited = [*paragraphs[:place], f"{paragraphs[place]} {more}", *paragraphs[place + 1 :]]
    before, after = cut("\n\n".join(paragraphs))[1], cut("\n\n".join(edited))[1]
    others = [words for at, words in enumerate(paragraphs) if at != place]
    kept = [piece.id for piece in before if any(piece.text in words for words in others)]
    assert set(kept) <= {piece.id for piece in after}
    assert kept or len(paragraphs) == 1


@given(page=PAGE, more=PARAGRAPH, target=TARGET)
def test_ids_do_not_change_when_text_is_added_elsewhere(page: list[str], more: str, target: int) -> None:
    text = "\n\n".join(page)
    before = cut(f"# Z\n\n{text}", target)[1]
    after = cut(f"# Y\n\n{more}\n\n# Z\n\n{text}", target)[1]
    assert {piece.id for piece in before} <= {piece.id for piece in after}
