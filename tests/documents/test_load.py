"""Reading files: what each small shape of text becomes, and what a bad file gets told."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor_bot.documents import load as loading
from advisor_bot.documents.load import load, parse
from advisor_bot.errors import LoadError
from advisor_bot.types import Document

PLAIN = Path(__file__).parents[1] / "fixtures" / "plain"
RECEIVED = Path(__file__).parents[3] / "shared" / "guide" / "guide-as-received.txt"


def outline(document: Document) -> list[tuple[str, ...]]:
    return [section.heading for section in document.sections]


def blocks(document: Document) -> list[tuple[str, str, str]]:
    """Return (kind, label, text) of every block."""
    return [
        (block.kind, block.label, document.text[block.start : block.end])
        for section in document.sections
        for block in section.blocks
    ]


def md(text: str) -> Document:
    return parse("page.md", text, markup=True)


def txt(text: str) -> Document:
    return parse("page.txt", text, markup=False)


# --- Markdown ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        pytest.param("# A\n\n## B\n\nx\n\n### C\n\ny\n\n## D\n\nz\n", ["A", "A>B", "A>B>C", "A>D"], id="nested"),
        pytest.param("Title\n=====\n\nx\n\nPart\n----\n\ny\n", ["Title", "Title>Part"], id="underlined"),
        pytest.param("# A #\n\nx\n", ["A"], id="closing-marks"),
        pytest.param("## A {#start}\n\nx\n", ["A"], id="anchor"),
        pytest.param("## A {#a .big} ##\n\nx\n", ["A"], id="anchor-and-closing-marks"),
        pytest.param("## The *good* `code` [link](u)\n\nx\n", ["The good code link"], id="inline-markup"),
        pytest.param("## 1. First step\n\nx\n", ["1. First step"], id="number-stays"),
        pytest.param("```\n# no heading\n```\n\n# H\n\nx\n", ["", "H"], id="fence"),
        pytest.param("~~~sh\n# no heading\n```\n# nor this\n~~~\n", [""], id="tilde-fence"),
        pytest.param("    # indented code\n\n# H\n\nx\n", ["", "H"], id="indented-code"),
        pytest.param("#no space\n", [""], id="no-space"),
        pytest.param("#\u00a0Hard space\n\nx\n", ["Hard space"], id="no-break-space"),
        pytest.param("> # quoted\n> words\n", [""], id="in-a-quotation"),
        pytest.param("- # listed\n", [""], id="in-a-list"),
        pytest.param("# A\n\n##\n\nx\n", ["A", "A"], id="empty-heading"),
        pytest.param("### C\n\nx\n\n# A\n\ny\n", ["C", "A"], id="deep-first"),
        pytest.param("before\n\n# A\n\nx\n", ["", "A"], id="words-before"),
        pytest.param("# A\n\n## B\n", ["A", "A>B"], id="nothing-under"),
        pytest.param("# " + "very " * 80 + "long\n", [""], id="heading-of-a-paragraph's-length"),
        pytest.param("A long paragraph. " * 14 + "\n---\n\nx\n", [""], id="paragraph-over-a-rule"),
    ],
)
def test_markdown_headings(text: str, headings: list[str]) -> None:
    assert [">".join(path) for path in outline(md(text))] == headings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "one\n\ntwo\nlines\n", [("paragraph", "", "one"), ("paragraph", "", "two\nlines")], id="paragraphs"
        ),
        pytest.param("- a\n- b\n", [("item", "", "- a"), ("item", "", "- b")], id="bullets"),
        pytest.param("1. a\n2. b\n", [("item", "", "1. a"), ("item", "", "2. b")], id="numbers"),
        pytest.param("- a\n  - b\n- c\n", [("item", "", "- a"), ("item", "", "- b"), ("item", "", "- c")], id="nested"),
        pytest.param("- a\n\n  more\n", [("item", "", "- a"), ("paragraph", "", "more")], id="item-of-two-paragraphs"),
        pytest.param("-\n  late\n", [("item", "", "-\n  late")], id="words-below-the-mark"),
        pytest.param("- **Cost.** Ten.\n", [("item", "Cost", "- **Cost.** Ten.")], id="bold-label"),
        pytest.param("- **Cost**: ten\n", [("item", "Cost", "- **Cost**: ten")], id="bold-label-colon-outside"),
        pytest.param("- **Cost** – ten\n", [("item", "Cost", "- **Cost** – ten")], id="bold-label-dash"),
        pytest.param("- **Bold** words only\n", [("item", "", "- **Bold** words only")], id="emphasis-is-no-label"),
        pytest.param("- Cost: ten\n", [("item", "Cost", "- Cost: ten")], id="plain-label"),
        pytest.param("- at 10:30 sharp\n", [("item", "", "- at 10:30 sharp")], id="time-is-no-label"),
        pytest.param("- see https://x.y\n", [("item", "", "- see https://x.y")], id="address-is-no-label"),
        pytest.param("> said\n> so\n", [("quote", "", "> said\n> so")], id="quotation"),
        pytest.param("```\nx = 1\n```\n", [("code", "", "```\nx = 1\n```")], id="code"),
        pytest.param("```\n\n```\n\nx\n", [("paragraph", "", "x")], id="empty-code"),
        pytest.param("x\n\n---\n\ny\n", [("paragraph", "", "x"), ("paragraph", "", "y")], id="rule"),
        pytest.param("<!-- a note\nto me -->\n\nx\n", [("paragraph", "", "x")], id="comment"),
        pytest.param("<!-- never closed\n", [("paragraph", "", "<!-- never closed")], id="open-comment-is-kept"),
        pytest.param("<div>\nwords\n</div>\n", [("paragraph", "", "<div>\nwords\n</div>")], id="html"),
        pytest.param("<br>\n\nx\n", [("paragraph", "", "x")], id="html-without-words"),
        pytest.param("[a]: http://x.y\n\nx\n", [("paragraph", "", "x")], id="link-target"),
        pytest.param("[^1]: Source\n", [("paragraph", "", "Source")], id="footnote-is-text"),
        pytest.param(
            "| a | b |\n|---|---|\n| 1 | 2 |\n\nx\n",
            [("row", "", "| 1 | 2 |"), ("paragraph", "", "x")],
            id="table",
        ),
        pytest.param("> " * 30 + "deep\n", [("quote", "", ("> " * 30 + "deep"))], id="deeper-than-the-parser-goes"),
        pytest.param("", [], id="nothing"),
        pytest.param(" \n\t\n", [], id="white-space"),
    ],
)
def test_markdown_blocks(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert blocks(md(text)) == expected


@pytest.mark.parametrize(
    ("front", "meta"),
    [
        pytest.param("title: A guide\nrevised: 2026-01-02", {"title": "A guide", "revised": "2026-01-02"}, id="plain"),
        pytest.param("version: 1.10\ndraft: no", {"version": "1.10", "draft": "no"}, id="values-as-written"),
        pytest.param("tags: [a, b]", {"tags": "a, b"}, id="list"),
        pytest.param("note: >\n  two\n  lines", {"note": "two lines"}, id="folded"),
        pytest.param("title: Bikes: a guide", {"title": "Bikes: a guide"}, id="colon-in-a-value"),
        pytest.param('title: "never closed\nby: me', {"title": "never closed", "by": "me"}, id="open-quotation-mark"),
        pytest.param("", {}, id="empty"),
        pytest.param("a: &a [x]\nb: *a", {"a": "x", "b": "x"}, id="alias"),
        pytest.param("when: 2026-13-45", {"when": "2026-13-45"}, id="impossible-date"),
    ],
)
def test_front_matter_is_read_and_belongs_to_no_section(front: str, meta: dict[str, str]) -> None:
    text = f"---\n{front}\n---\n\n# Heading\n\nwords\n" if front else "---\n---\n\n# Heading\n\nwords\n"
    document = md(text)
    assert document.meta == meta
    assert document.text == text
    assert [text[section.start : section.end] for section in document.sections] == ["# Heading\n\nwords\n"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("---\n\nJust a rule. And words.\n\n---\n\nmore\n", id="two-rules"),
        pytest.param("---\ntitle: never closed\n\nwords\n", id="not-closed"),
        pytest.param("---\n- a\n- b\n---\n\nwords\n", id="a-list"),
        pytest.param("words\n\n---\ntitle: late\n---\n", id="not-at-the-top"),
        pytest.param("---\n{unclosed\n\n---\n\nwords\n", id="broken-yaml"),
    ],
)
def test_what_is_no_front_matter_stays_text(text: str) -> None:
    document = md(text)
    assert document.meta == {}
    assert document.sections[0].start == 0


@pytest.mark.parametrize(
    ("text", "title"),
    [
        pytest.param("---\ntitle: Front\n---\n# Head\n\nx\n", "Front", id="front-matter-first"),
        pytest.param("## Part\n\nx\n\n# Head\n\ny\n", "Head", id="then-the-first-top-heading"),
        pytest.param("## Part\n\nx\n", "page", id="then-the-file-name"),
        pytest.param("---\ntitle:\n---\n# Head\n\nx\n", "Head", id="empty-title"),
    ],
)
def test_title(text: str, title: str) -> None:
    assert md(text).title == title


# --- plain text ----------------------------------------------------------------------------------------------

BODY = "This is the text of the section, and it is a whole sentence."


@pytest.mark.parametrize(
    ("lines", "headings"),
    [
        pytest.param(["Costs", BODY], ["Costs"], id="short-line-over-text"),
        pytest.param([BODY, "Costs", BODY], ["", "Costs"], id="words-before"),
        pytest.param(["What does it cost?", BODY], ["What does it cost?"], id="question"),
        pytest.param(
            [BODY, "What is " + "really " * 20 + "good?", BODY],
            ["", "What is " + "really " * 20 + "good?"],
            id="long-question",
        ),
        pytest.param([BODY, "It costs ten euros.", BODY], [""], id="closing-full-stop"),
        pytest.param([BODY, "it goes on in lower case", BODY], [""], id="lower-case"),
        pytest.param([BODY, "x" * 30 + " word" * 20, BODY], [""], id="too-long"),
        pytest.param([BODY, "Contents", "Costs", BODY], ["", "Costs"], id="nothing-under-it"),
        pytest.param([BODY, "References"], [""], id="nothing-under-it-at-the-end"),
        pytest.param(["Title", "Costs", BODY, "Dates", BODY], ["Title", "Title>Costs", "Title>Dates"], id="title"),
        pytest.param(["Title", "", "", "Costs", "", BODY], ["Title", "Title>Costs"], id="title-and-blank-lines"),
        pytest.param(
            [BODY, "More to Know", "How so?", BODY, "Why?", BODY, "Costs", BODY],
            ["", "More to Know", "More to Know>How so?", "More to Know>Why?", "Costs"],
            id="heading-of-questions",
        ),
        pytest.param(
            ["Jobs", BODY, "1. Tree Care", BODY, "2. Design", BODY, "Costs", BODY],
            ["Jobs", "Jobs>1. Tree Care", "Jobs>2. Design", "Costs"],
            id="numbered-sub-headings",
        ),
        pytest.param(
            ["1. Jobs", BODY, "1.1 Trees", BODY, "2. Costs", BODY],
            ["1. Jobs", "1. Jobs>1.1 Trees", "2. Costs"],
            id="decimal-numbers",
        ),
        pytest.param(["Jobs", BODY, "1. Apply", "2. Wait", BODY], ["Jobs"], id="numbered-list"),
        pytest.param(["Eligible People:", BODY], ["Eligible People"], id="colon-over-text"),
        pytest.param(
            ["Q: How much?", "A: Ten.", "Q: When?", "A: In May."], ["How much?", "When?"], id="questions-and-answers"
        ),
        pytest.param(["COSTS AND DATES", BODY], ["COSTS AND DATES"], id="capitals"),
        pytest.param(
            [BODY, "Contents", "Costs", "Dates", "Costs", BODY, "Dates", BODY],
            ["", "Costs", "Dates"],
            id="table-of-contents",
        ),
    ],
)
def test_plain_headings(lines: list[str], headings: list[str]) -> None:
    assert [">".join(path) for path in outline(txt("\n".join(lines) + "\n"))] == headings


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([BODY, BODY], [("paragraph", "", BODY), ("paragraph", "", BODY)], id="a-line-is-a-paragraph"),
        pytest.param(["Deep Soil: It keeps water."], [("item", "Deep Soil", "Deep Soil: It keeps water.")], id="label"),
        pytest.param(
            ["Large parts: four.", "Small parts: nine."],
            [("item", "Large parts", "Large parts: four."), ("item", "Small parts", "Small parts: nine.")],
            id="labels-side-by-side",
        ),
        pytest.param(
            ["Keep this in mind: it rains."],
            [("paragraph", "", "Keep this in mind: it rains.")],
            id="sentence-with-a-colon",
        ),
        pytest.param(['Ann: "It was hard."'], [("quote", "Ann", 'Ann: "It was hard."')], id="testimonial"),
        pytest.param(["Ann: “It was hard.”"], [("quote", "Ann", "Ann: “It was hard.”")], id="curly-quotation-marks"),
        pytest.param(['"It was hard." - Ann Lee'], [("quote", "Ann Lee", '"It was hard." - Ann Lee')], id="name-after"),
        pytest.param(["- one", "• two"], [("item", "", "- one"), ("item", "", "• two")], id="bullets"),
        pytest.param(["1. one", "2) two"], [("item", "", "1. one"), ("item", "", "2) two")], id="numbers"),
        pytest.param(
            ["You need:", "A spade", "A rake", "", BODY],
            [("paragraph", "", "You need:"), ("item", "", "A spade"), ("item", "", "A rake"), ("paragraph", "", BODY)],
            id="list-without-marks",
        ),
        pytest.param(["- one that", "  goes on"], [("item", "", "- one that\n  goes on")], id="item-goes-on"),
        pytest.param(["Half a", "sentence."], [("paragraph", "", "Half a\nsentence.")], id="goes-on-in-lower-case"),
        pytest.param([BODY, "======", BODY], [("paragraph", "", BODY), ("paragraph", "", BODY)], id="rule"),
        pytest.param(["Total cost ...... 300"], [("paragraph", "", "Total cost ...... 300")], id="price-list-is-kept"),
        pytest.param([BODY, "Room 9"], [("paragraph", "", BODY), ("paragraph", "", "Room 9")], id="last-line-a-figure"),
        pytest.param(
            ["Is it free?", "Yes", "Is it long?", "No"],
            [("paragraph", "", "Yes"), ("paragraph", "", "No")],
            id="short-answers-are-kept",
        ),
    ],
)  # fmt: skip
def test_plain_blocks(lines: list[str], expected: list[tuple[str, str, str]]) -> None:
    assert blocks(txt("\n".join(lines) + "\n")) == expected


def test_text_wrapped_by_hand_is_joined_into_its_paragraphs() -> None:
    text = (PLAIN / "choosing-a-bicycle.txt").read_text(encoding="utf-8")
    document = txt(text)
    found = blocks(document)
    assert [" ".join(words.split())[:28] for kind, _, words in found if kind == "paragraph"] == [
        "These notes are for people w",
        "A frame that is too large ca",
        "Yes, if they carry the mark ",
        "About a tenth of the price o",
    ]
    assert found[1][2].endswith("between you and the tube.")
    assert [kind for kind, _, _ in found].count("item") == 3
    assert outline(document) == [
        ("Choosing a Bicycle",),
        ("Choosing a Bicycle", "How to use these notes"),
        ("Choosing a Bicycle", "Frame and Size"),
        ("Choosing a Bicycle", "Lights and Locks"),
        ("Choosing a Bicycle", "Lights and Locks", "Are battery lights allowed?"),
        ("Choosing a Bicycle", "Lights and Locks", "How much should a lock cost?"),
    ]


def shape(document: Document) -> dict[str, int]:
    found = blocks(document)
    levels = [section.level for section in document.sections]
    ten = next(section for section in document.sections if "The 10" in " ".join(section.heading))
    last = document.sections[-4:]
    return {
        "top headings": levels.count(1),
        "sub-headings": sum(section.heading[-1][:2] in ("1.", "2.", "3.") for section in document.sections[1:]),
        "items of the ten": sum(block.kind == "item" and bool(block.label) for block in ten.blocks),
        "testimonials": sum(kind == "quote" for kind, _, _ in found),
        "closing questions": sum(len(s.heading) == 2 and s.heading[0].startswith("Other Things") for s in last),
        "before the first heading": len(document.sections[0].blocks) if document.sections[0].level == 0 else 0,
    }


def test_a_guide_without_markup_is_taken_apart() -> None:
    document = txt((PLAIN / "choosing-a-garden-course.txt").read_text(encoding="utf-8"))
    assert shape(document) == {
        "top headings": 7,
        "sub-headings": 3,
        "items of the ten": 10,
        "testimonials": 3,
        "closing questions": 4,
        "before the first heading": 2,
    }
    assert "Table of contents" not in " ".join(" ".join(path) for path in outline(document))
    assert not any("Table of contents" in words for _, _, words in blocks(document))
    labels = [label for kind, label, _ in blocks(document) if kind == "quote"]
    assert labels == ["Rosalind", "Ibrahim", "Wen"]


LINES = (PLAIN / "choosing-a-garden-course.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\n\n".join(LINES), id="blank-lines-between"),
        pytest.param("\n\n".join(textwrap.fill(line, 76) for line in LINES), id="wrapped-by-hand"),
        pytest.param("\n\n".join("    " + line for line in LINES), id="indented"),
        pytest.param("\n".join(LINES).replace(" ", "\u00a0"), id="hard-spaces"),
        pytest.param("\u2028".join(LINES), id="line-separators"),
    ],
)
def test_the_same_guide_is_found_however_it_was_typed(text: str) -> None:
    typed, plain = txt(text), txt("\n".join(LINES))
    fold = [tuple(" ".join(words.split()) for words in path) for path in outline(typed)]
    assert fold == outline(plain)
    assert [(kind, " ".join(label.split()), " ".join(words.split())) for kind, label, words in blocks(typed)] == blocks(
        plain
    )


def test_the_received_guide_is_taken_apart() -> None:
    if not RECEIVED.is_file():
        pytest.skip("the received guide is not beside this checkout (../shared/guide/guide-as-received.txt)")
    document = txt(RECEIVED.read_text(encoding="utf-8"))
    assert shape(document) == {
        "top headings": 13,
        "sub-headings": 3,
        "items of the ten": 10,
        "testimonials": 3,
        "closing questions": 4,
        "before the first heading": 2,
    }
    assert not any("Table of contents" in words for _, _, words in blocks(document))


# --- files ---------------------------------------------------------------------------------------------------


def write(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def reason(folder: Path, name: str) -> str:
    """Return why ``name`` was left out; the file beside it must have been read."""
    write(folder, good_md="# Good\n\nwords\n")
    loaded = load([folder])
    assert [document.name for document in loaded.documents] == ["good.md"]
    found = [item.reason for item in loaded.left_out if item.name == name]
    assert len(found) == 1
    assert "\n" not in found[0]
    return found[0]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("\ufeff# Café\r\n\r\nwords\r\n".encode(), id="mark-and-crlf"),
        pytest.param(b"# Caf\xc3\xa9\r\rwords\r", id="cr"),
        pytest.param("# Café\n\nwords\n".encode("utf-16"), id="utf-16"),
        pytest.param("# Café\n\nwords\n".encode("utf-16-le"), id="utf-16-without-mark"),
        pytest.param("\ufeff# Café\n\nwords\n".encode("utf-16-be"), id="utf-16-be"),
        pytest.param("# Café\n\nwords\n".encode("utf-32"), id="utf-32"),
        pytest.param("# Café\n\nwords\n".encode("cp1252"), id="windows"),
    ],
)
def test_encodings_give_the_same_text(tmp_path: Path, data: bytes) -> None:
    (document,) = load([write(tmp_path, page_md=data)]).documents
    assert document.text == "# Café\n\nwords\n"
    assert outline(document) == [("Café",)]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        pytest.param("A “smart” guide – naïve, but €5. The student may choose.\n", "cp1252", id="english"),
        pytest.param("Die Größe des Rahmens hängt von der Körpergröße ab.\n", "cp1252", id="german"),
        pytest.param("Rama powinna być dopasowana, żeby jazda była bezpieczna.\n", "cp1250", id="polish"),
        pytest.param("Рама должна подходить по росту, иначе ездить небезопасно.\n", "cp1251", id="russian"),
        pytest.param("Рама должна подходить по росту, иначе ездить небезопасно.\n", "koi8-r", id="russian-koi8"),
        pytest.param("自転車の選び方。サイズが大切です。\n", "shift-jis", id="japanese"),
    ],
)
def test_older_encodings_are_recognized(tmp_path: Path, text: str, encoding: str) -> None:
    (document,) = load([write(tmp_path, page_txt=(text * 5).encode(encoding))]).documents
    assert document.text == text * 5


def test_hard_spaces_stay_in_the_text(tmp_path: Path) -> None:
    (document,) = load([write(tmp_path, page_md="# A\u00a0B\n\n10\u00a0kg\n")]).documents
    assert document.text == "# A\u00a0B\n\n10\u00a0kg\n"
    assert blocks(document) == [("paragraph", "", "10\u00a0kg")]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"\xef\xbb\xbf \n\t\r\n", "is empty", id="white-space"),
        pytest.param(b"# Only\n\n## Headings\n", "no text under its headings", id="headings-only"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "not text", id="binary"),
        pytest.param(b"words\n" + b"\x00" * 9, "not text", id="zeros"),
        pytest.param(b"\x01\x02\x03\x04" * 50, "not text", id="controls"),
        pytest.param("Straße und Café\n".encode() * 9 + b"\xff\xfe broken\n", "line 10", id="damaged-utf-8"),
        pytest.param(b"# Hello\n\nbroken \xff\xfe\xfd words\n", "not valid UTF-8", id="stray-bytes"),
        pytest.param(b"\xff\xfe#\x00 \xd8x", "damaged UTF-16", id="damaged-utf-16"),
    ],
)
def test_a_bad_file_is_left_out_with_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in reason(write(tmp_path, bad_md=data), "bad.md")


def test_other_kinds_of_file_are_left_out(tmp_path: Path) -> None:
    assert "kind that is not read" in reason(write(tmp_path, deep__picture_png=b"x"), "deep/picture.png")


def test_a_link_to_nothing_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "bad.md").symlink_to("nowhere.md")
    assert "link to nothing" in reason(tmp_path, "bad.md")


def test_a_link_to_itself_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "bad.md").symlink_to("bad.md")
    assert "cannot be read" in reason(tmp_path, "bad.md")


def test_a_pipe_is_left_out_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bad.md")
    assert "not a regular file" in reason(tmp_path, "bad.md")


def test_a_folder_that_links_back_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert "read already" in reason(tmp_path, "again")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anybody may read, unlike ``tmp_path``."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def without_superuser() -> Iterator[None]:
    """Lay down the rights to read everything, where the tests run with them."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_a_file_that_may_not_be_read_is_left_out(open_folder: Path) -> None:
    write(open_folder, bad_md="words", good_md="words")
    (open_folder / "bad.md").chmod(0)
    with without_superuser():
        loaded = load([open_folder])
    assert [document.name for document in loaded.documents] == ["good.md"]
    assert [(item.name, "cannot be read (Permission denied)" in item.reason) for item in loaded.left_out] == [
        ("bad.md", True)
    ]


def test_a_folder_that_may_not_be_opened_is_left_out(open_folder: Path) -> None:
    write(open_folder, shut__page_md="words", good_md="words")
    (open_folder / "shut").chmod(0)
    try:
        with without_superuser():
            loaded = load([open_folder])
    finally:
        (open_folder / "shut").chmod(0o755)
    assert [document.name for document in loaded.documents] == ["good.md"]
    assert [(item.name, "cannot be opened" in item.reason) for item in loaded.left_out] == [("shut", True)]


def test_a_file_that_fails_while_it_is_read_is_left_out(tmp_path: Path) -> None:
    memory = Path("/proc/self/mem")
    if not memory.exists():
        pytest.skip("needs /proc/self/mem, a file whose reading fails even for the superuser")
    (tmp_path / "bad.md").symlink_to(memory)
    assert "cannot be read" in reason(tmp_path, "bad.md")


def test_a_name_that_cannot_be_shown_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "bad\n.md").write_text("words")
    assert "rename it" in reason(tmp_path, "bad\ufffd.md")


def test_a_large_file_is_left_out(tmp_path: Path) -> None:
    loaded = load([write(tmp_path, big_md="x" * 2000, small_md="words")], max_bytes=1000)
    assert [document.name for document in loaded.documents] == ["small.md"]
    assert [item.name for item in loaded.left_out] == ["big.md"]
    assert "larger than 0.001 MB" in loaded.left_out[0].reason


def test_a_fault_of_a_reader_costs_one_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str, data: bytes) -> Document:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(loading, "READERS", {**loading.READERS, ".txt": fail})
    assert "cannot be understood" in reason(write(tmp_path, bad_txt="words"), "bad.txt")


def test_names_are_paths_in_the_folder_given(tmp_path: Path) -> None:
    write(tmp_path, guide__b_md="words", guide__deep__a_txt="words", guide__A_MD="words", other__c_md="words")
    loaded = load([tmp_path / "guide", tmp_path / "other" / "c.md"])
    assert [document.name for document in loaded.documents] == ["A.MD", "b.md", "c.md", "deep/a.txt"]
    assert loaded.left_out == ()


def test_hidden_files_and_the_cases_that_travel_with_a_guide_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, _git__x_md="words", _hidden_md="words", cases_jsonl="{}", page_md="words")
    loaded = load([tmp_path])
    assert [document.name for document in loaded.documents] == ["page.md"]
    assert loaded.left_out == ()


def test_two_files_of_one_name_are_an_error_naming_both(tmp_path: Path) -> None:
    write(tmp_path, a__page_md="words", b__page_md="words")
    with pytest.raises(LoadError) as error:
        load([tmp_path / "a", tmp_path / "b"])
    assert str(tmp_path / "a" / "page.md") in str(error.value)
    assert str(tmp_path / "b" / "page.md") in str(error.value)


def test_a_path_that_does_not_exist_is_an_error_naming_it(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="nowhere"):
        load([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        pytest.param("# Marked\n\nwords here.\n", "Marked", id="heading-mark"),
        pytest.param("Underlined\n==========\n\nwords here.\n", "Underlined", id="underline"),
        pytest.param("---\ntitle: x\n---\n## Fronted\n\nwords here.\n", "Fronted", id="front-matter"),
        pytest.param("Bare\nWords are here.\n", "Bare", id="no-markup"),
    ],
)
def test_a_txt_file_may_be_markdown_after_all(tmp_path: Path, text: str, heading: str) -> None:
    (document,) = load([write(tmp_path, page_txt=text)]).documents
    assert outline(document) == [(heading,)]


# --- any text ------------------------------------------------------------------------------------------------

PIECES = [
    *("# H", "## H 2", "- item", "  - nested", "1. one", "> said", "```", "| a | b |", "|---|---|", "---", "===="),
    *("Label: text", 'Ann: "So."', "A title", "Why?", "A whole sentence. And another one.", "**Bold.** Rest", ""),
    *("\u00a0", "\t", "<!-- c -->", "<div>", "[a]: b", "word " * 60, "é😀\u2028x", "\x0c", "a\rb", "\ud800"),
]
texts = st.one_of(st.lists(st.sampled_from(PIECES), max_size=25).map("\n".join), st.text(max_size=200))


@given(text=texts, markup=st.booleans())
def test_any_text_is_parsed_into_sections_that_follow_one_another(text: str, markup: bool) -> None:
    document = parse("page.md", text, markup=markup)
    assert document.text == text
    assert document.title
    end = None
    for section in document.sections:
        assert end is None or section.start == end
        assert section.start <= section.body <= section.end <= len(text)
        end = section.end
        at = section.body
        for block in section.blocks:
            assert at <= block.start < block.end <= section.end
            words = text[block.start : block.end]
            assert words == words.strip()
            at = block.end


@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_left_out(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "page.md").write_bytes(data)
    loaded = load([folder])
    assert len(loaded.documents) + len(loaded.left_out) == 1
    for item in loaded.left_out:
        assert "please report" not in item.reason
