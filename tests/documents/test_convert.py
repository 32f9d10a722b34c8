"""HTML, PDF and DOCX become Markdown with headings; what cannot be read says why in one line."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from advisor_bot.documents.chunk import chunk
from advisor_bot.documents.load import load
from advisor_bot.types import Document

FEES = "A term costs 900 euros in the first year and 950 euros in the second."
ROOMS = "Rooms on the campus are given by lot in the last week of August."


def read(tmp_path: Path, name: str, data: bytes | str) -> Document:
    file = tmp_path / name
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    loaded = load([file])
    assert loaded.left_out == ()
    return loaded.documents[0]


def reason(tmp_path: Path, name: str, data: bytes | str, **kwargs: int) -> str:
    file = tmp_path / name
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    loaded = load([file], **kwargs)
    assert loaded.documents == ()
    assert "\n" not in loaded.left_out[0].reason
    return loaded.left_out[0].reason


def headings(document: Document) -> list[tuple[str, ...]]:
    return [section.heading for section in document.sections if section.blocks]


# --- HTML --------------------------------------------------------------------------------------------------------

PAGE = f"""<!doctype html><html lang="en"><head><title>Studying here</title><style>p {{color: red}}</style></head>
<body><header><a href="/">Home</a></header>
<nav><ul><li><a href="/a">About us</a></li><li><a href="/b">Contact</a></li></ul></nav>
<main><h1>Studying here</h1><h2>Fees</h2><p>{FEES}</p>
<table><tr><th>Year</th><th>Euros</th></tr><tr><td>1</td><td>900</td></tr></table>
<h2>Rooms</h2><p>{ROOMS}</p><ul><li><b>Lot.</b> Drawn in August.</li><li>List.</li></ul></main>
<aside>Read also: ten tips</aside><footer>© a university</footer><script>track()</script></body></html>"""


def test_html_keeps_headings_and_tables_and_leaves_menus_out(tmp_path: Path) -> None:
    document = read(tmp_path, "page.html", PAGE)
    assert document.title == "Studying here"
    assert headings(document) == [("Studying here", "Fees"), ("Studying here", "Rooms")]
    assert {"row", "item"} <= {block.kind for section in document.sections for block in section.blocks}
    for menu in ("About us", "Contact", "Home", "ten tips", "©", "track", "color"):
        assert menu not in document.text


def test_html_without_a_marked_main_part_loses_its_menu_only(tmp_path: Path) -> None:
    links = "".join(f"<li><a href='/{n}'>Section {n}</a></li>" for n in range(6))
    page = f"<title>Guide</title><body><ul>{links}</ul><h2>Fees</h2><p>{FEES}</p><footer>Imprint</footer></body>"
    document = read(tmp_path, "page.htm", page)
    assert document.title == "Guide"
    assert FEES in document.text
    assert "Section 3" not in document.text
    assert "Imprint" not in document.text


def test_html_without_text_is_left_out(tmp_path: Path) -> None:
    assert "holds no text" in reason(tmp_path, "page.html", "<html><body><nav>Menu</nav></body></html>")


def test_html_nested_without_end_is_left_out(tmp_path: Path) -> None:
    assert "nested too deeply" in reason(tmp_path, "page.html", "<div>" * 5_000 + FEES)


# --- DOCX --------------------------------------------------------------------------------------------------------

_NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
_STYLES = "".join(
    f'<w:style w:type="paragraph" w:styleId="{name.replace(" ", "")}"><w:name w:val="{name}"/></w:style>'
    for name in ("Title", "heading 1", "heading 2")
)


def docx(paragraphs: list[tuple[str, str]], extra: bytes = b"") -> bytes:
    """A Word document of (style, text) paragraphs, with ``extra`` as a part of its own."""
    body = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'
        for style, text in paragraphs
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", _TYPES)
        parts.writestr("_rels/.rels", _RELATIONS)
        parts.writestr("word/document.xml", f'<w:document xmlns:w="{_NAMESPACE}"><w:body>{body}</w:body></w:document>')
        parts.writestr("word/styles.xml", f'<w:styles xmlns:w="{_NAMESPACE}">{_STYLES}</w:styles>')
        if extra:
            parts.writestr("word/media/image.png", extra)
    return made.getvalue()


def test_docx_keeps_title_and_headings(tmp_path: Path) -> None:
    paragraphs = [("Title", "Studying here"), ("heading2", "Fees"), ("", FEES), ("heading2", "Rooms"), ("", ROOMS)]
    document = read(tmp_path, "guide.docx", docx(paragraphs))
    assert document.title == "Studying here"
    assert headings(document) == [("Studying here", "Fees"), ("Studying here", "Rooms")]
    assert [piece.text for piece in chunk(document)] == [FEES, ROOMS]


# --- Hidden text -------------------------------------------------------------------------------------------------

_OFFICE = "urn:oasis:names:tc:opendocument:xmlns"


def hiding_docx(body: str, styles: str) -> bytes:
    """A Word document of the paragraphs in ``body`` under FEES, with ``styles`` of its own."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(docx([("", FEES)]))) as plain, zipfile.ZipFile(made, "w") as parts:
        for name in plain.namelist():
            text = plain.read(name).decode()
            text = text.replace("</w:body>", body + "</w:body>").replace("</w:styles>", styles + "</w:styles>")
            parts.writestr(name, text)
    return made.getvalue()


def odt(body: str, styles: str = "") -> bytes:
    names = " ".join(f'xmlns:{name}="{_OFFICE}:{name}:1.0"' for name in ("office", "style", "text"))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as parts:
        parts.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        parts.writestr("META-INF/manifest.xml", "<m/>")
        parts.writestr("styles.xml", f"<office:document-styles {names}/>")
        parts.writestr(
            "content.xml",
            f"<office:document-content {names}><office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:text>{body}</office:text></office:body></office:document-content>",
        )
    return made.getvalue()


_RUN = "<w:r><w:rPr>{0}</w:rPr><w:t xml:space='preserve'>Remark. </w:t></w:r>"
_SEEN = "<w:r><w:t>Seen too.</w:t></w:r>"
_SHOWN = "<w:r><w:rPr><w:vanish w:val='0'/></w:rPr><w:t>Seen too.</w:t></w:r>"
_ASIDE = "<w:p><w:pPr><w:pStyle w:val='quiet'/></w:pPr>"
_INNER = "<w:style w:type='character' w:styleId='inner'><w:rPr><w:vanish/></w:rPr></w:style>"
_BASED = "<w:style w:type='character' w:styleId='note'><w:basedOn w:val='inner'/></w:style>"
_QUIET = "<w:style w:type='paragraph' w:styleId='quiet'><w:rPr><w:vanish w:val='true'/></w:rPr></w:style>"
_NONE = '<style:style style:name="{0}" style:family="{1}"><style:text-properties text:display="none"/></style:style>'


@pytest.mark.parametrize(
    ("body", "styles"),
    [
        pytest.param("<w:p>" + _RUN.format("<w:vanish/>") + _SEEN + "</w:p>", "", id="run"),
        pytest.param("<w:p>" + _RUN.format("<w:rStyle w:val='inner'/>") + _SEEN + "</w:p>", _INNER, id="style"),
        pytest.param("<w:p>" + _RUN.format("<w:rStyle w:val='note'/>") + _SEEN + "</w:p>", _INNER + _BASED, id="based"),
        pytest.param(_ASIDE + _RUN.format("") + "</w:p><w:p>" + _SEEN + "</w:p>", _QUIET, id="style of a paragraph"),
        pytest.param(_ASIDE + _RUN.format("") + _SHOWN + "</w:p>", _QUIET, id="shown again in a hidden paragraph"),
    ],
)
def test_hidden_text_of_word_is_not_read(tmp_path: Path, body: str, styles: str) -> None:
    document = read(tmp_path, "guide.docx", hiding_docx(body, styles))
    assert "Remark" not in document.text
    assert "Seen too." in document.text
    assert document.left["hidden text"] == 1


@pytest.mark.parametrize(
    ("body", "styles"),
    [
        pytest.param(
            '<text:p>{0} <text:span text:style-name="T1">Remark.</text:span> Seen too.</text:p>',
            _NONE.format("T1", "text"),
            id="span",
        ),
        pytest.param(
            '<text:p>{0}</text:p><text:p text:style-name="P1">Remark.</text:p><text:p>Seen too.</text:p>',
            _NONE.format("P1", "paragraph"),
            id="paragraph",
        ),
        pytest.param(
            '<text:p>{0}</text:p><text:section text:display="none"><text:p>Remark.</text:p></text:section>'
            "<text:p>Seen too.</text:p>",
            "",
            id="section",
        ),
        pytest.param(
            '<text:p>{0} <text:hidden-text text:is-hidden="true">Remark.</text:hidden-text> Seen too.</text:p>',
            "",
            id="field",
        ),
        pytest.param(
            '<text:p>{0}</text:p><text:p>Remark.<text:hidden-paragraph text:is-hidden="true"/></text:p>'
            "<text:p>Seen too.</text:p>",
            "",
            id="field for a paragraph",
        ),
    ],
)
def test_hidden_text_of_odt_is_not_read(tmp_path: Path, body: str, styles: str) -> None:
    document = read(tmp_path, "guide.odt", odt(body.format(FEES), styles))
    assert "Remark" not in document.text
    assert FEES in document.text
    assert "Seen too." in document.text
    assert document.left["hidden text"] == 1


def test_hidden_text_of_rtf_is_not_read(tmp_path: Path) -> None:
    text = f"{{\\rtf1\\ansi {FEES} {{\\v Remark one.}} Seen \\v Remark two.\\v0 too.\\par}}"
    document = read(tmp_path, "guide.rtf", text)
    assert "Remark" not in document.text
    assert "too." in document.text


def test_zip_bomb_is_left_out_unopened(tmp_path: Path) -> None:
    assert "unpacks to more than 300 MB" in reason(tmp_path, "bomb.docx", docx([("", FEES)], extra=bytes(301_000_000)))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0" + bytes(600), b"plain words"])
def test_damaged_docx_is_left_out(tmp_path: Path, data: bytes) -> None:
    assert reason(tmp_path, "guide.docx", data)


# --- PDF ---------------------------------------------------------------------------------------------------------

Page = list[tuple[int, str]]  # (size of the letters, words) a line; 0 leaves a line free


def pdf(pages: list[Page]) -> bytes:
    """A PDF of printed lines."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for page in pages:
        y, drawn = 780.0, ""
        for size, words in page:
            y -= 1.3 * (size or 12)
            escaped = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
            drawn += f"BT /F1 {size} Tf 1 0 0 1 60 {y:.1f} Tm ({escaped}) Tj ET\n" if size else ""
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}endstream")
        kids.append(len(objects) + 1)
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {len(objects)} 0 R >>"
        )
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] >>"
    made, places = "%PDF-1.4\n", []
    for number, written in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n{written}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(made)}\n%%EOF\n"
    return f"{made}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode("latin-1")


GUIDE: list[Page] = [
    [(10, "A university - guide"), (20, "Studying here"), (0, ""), (15, "Fees"), (11, "A term costs 900 euros in the"),
     (11, "first year and 950 euros in the second."), (0, ""), (11, "Loans are granted in spring, and whoever asks"),
     (10, "Page 1")],
    [(10, "A university - guide"), (11, "late gets none. Grants are paid in autumn."), (0, ""), (15, "Rooms"),
     (11, ROOMS), (0, ""), (11, "- The lot is drawn in August."), (11, "- A list is kept."), (10, "Page 2")],
    [(10, "A university - guide"), (15, "Meals"), (11, "Lunch costs four euros [in every hall]."), (10, "Page 3")],
]  # fmt: skip


def test_pdf_keeps_headings_paragraphs_and_items(tmp_path: Path) -> None:
    document = read(tmp_path, "guide.pdf", pdf(GUIDE))
    top = "Studying here"
    assert document.title == top
    assert headings(document) == [(top, "Fees"), (top, "Rooms"), (top, "Meals")]
    assert FEES in document.text
    kinds = [block.kind for section in document.sections for block in section.blocks]
    assert kinds == ["paragraph", "paragraph", "paragraph", "item", "item", "paragraph"]


def test_pdf_leaves_running_titles_and_page_numbers_out(tmp_path: Path) -> None:
    document = read(tmp_path, "guide.pdf", pdf(GUIDE))
    assert "A university" not in document.text
    assert "Page" not in document.text


def test_pdf_remembers_the_page_of_every_place(tmp_path: Path) -> None:
    document = read(tmp_path, "guide.pdf", pdf(GUIDE))
    for words, page in [
        ("900 euros", 1),
        ("whoever asks", 1),
        ("late gets none", 2),
        ("given by lot", 2),
        ("Lunch", 3),
    ]:
        assert document.page(document.text.index(words)) == page
    assert "whoever asks late gets none" in document.text


def test_pdf_chunks_quote_the_converted_text(tmp_path: Path) -> None:
    document = read(tmp_path, "guide.pdf", pdf(GUIDE))
    for piece in chunk(document):
        assert document.text[piece.start : piece.end] == piece.text


def test_scanned_pdf_is_left_out(tmp_path: Path) -> None:
    assert "has no text, only pictures" in reason(tmp_path, "scan.pdf", pdf([[], []]))


def test_encrypted_pdf_is_left_out(tmp_path: Path) -> None:
    writer = PdfWriter()
    writer.append(PdfReader(io.BytesIO(pdf(GUIDE))))
    writer.encrypt("secret", algorithm="RC4-128")
    locked = io.BytesIO()
    writer.write(locked)
    assert "is encrypted" in reason(tmp_path, "locked.pdf", locked.getvalue())


@pytest.mark.parametrize("data", [b"", b"%PDF-1.4\nbroken", b"plain words", pdf(GUIDE)[:700]])
def test_damaged_pdf_is_left_out(tmp_path: Path, data: bytes) -> None:
    assert reason(tmp_path, "guide.pdf", data)


def test_large_file_is_left_out_unread(tmp_path: Path) -> None:
    assert "is larger than 1 MB" in reason(tmp_path, "guide.pdf", bytes(1_000_001), max_bytes=1_000_000)


def test_a_page_with_pictures_is_read(tmp_path: Path) -> None:
    picture = '<picture><source srcset="a.webp"><img src="a.jpg" alt="A hall"></picture>'
    page = f"<html><body><main><p>{FEES}</p>{picture}<p>{ROOMS}</p></main></body></html>"
    assert read(tmp_path, "fees.html", page).text.split("\n\n") == [FEES, f"{ROOMS}\n"]


@pytest.mark.parametrize(
    ("charset", "byte", "shown"),
    [
        ("iso-8859-15", b"\xa4", "€"),
        ("iso-8859-1", b"\x80", "€"),
        ("undefined", b"\xe9", "é"),
        ("nonsense", b"\xe9", "é"),
    ],
)
def test_a_page_is_read_by_the_encoding_it_names_or_as_browsers_do(
    tmp_path: Path, charset: str, byte: bytes, shown: str
) -> None:
    page = f'<html><head><meta charset="{charset}"></head><body><p>A term costs 900 %.</p></body></html>'
    assert f"900 {shown}." in read(tmp_path, "fees.html", page.encode().replace(b"%", byte)).text
