"""Any bytes in any format end in text or in one clear line, in bounded time; what is read again embeds nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor_bot.documents.chunk import chunk
from advisor_bot.documents.load import LeftOut, read_bytes

CONVERTED = [".html", ".docx", ".odt", ".epub", ".rtf", ".pdf"]
STARTS = {".pdf": b"%PDF-1.4\n", ".rtf": b"{\\rtf1 ", ".html": b"<html><body>"}
HOSTILE = {
    "endless-line": b"<p>" + b"a" * 5_000_000,
    "deep": b"<div>" * 20_000 + b"words of a page",
    "wide-table": b"<table><tr><td colspan=99999 rowspan=99999>a</td></tr>"
    + b"<tr><td>b</td></tr>" * 2_000
    + b"</table>",
    "open-comments": b"<!--" * 200_000,
    "open-tags": b"<" * 500_000,
    "signs": b"<p>a<sup>1</sup></p>" * 10_000,
    "bold": b"<p><b>Head</b></p><p>Text.</p>" * 5_000,
}


def ends_well(suffix: str, data: bytes) -> None:
    read = read_bytes("file", suffix, data)
    if isinstance(read, LeftOut):
        assert read.reason
        assert "\n" not in read.reason
        return
    for piece in chunk(read):
        assert read.text[piece.start : piece.end] == piece.text
        assert all(piece.start <= start < end <= piece.end for start, end in piece.sentences)


@pytest.mark.parametrize("suffix", CONVERTED)
@settings(max_examples=5)
@given(data=st.binary(max_size=2_000))
def test_any_bytes_end_in_text_or_a_line(suffix: str, data: bytes) -> None:
    ends_well(suffix, STARTS.get(suffix, b"PK\x03\x04") + data)


TAGS = st.sampled_from(
    """<p> </p> <b> </b> <table> <tr> <td> <td\trowspan=3> <th> </table> <ul> <li> </ul> <sup> </sup> <a\thref=#n> </a>
    <p\tid=n> <button> </button> <details> <summary> <br> <h2> </h2> <div\thidden> </div> <pre> | ** ~~ %% 1
    [^1]""".replace("\n   ", "").split(" ")
)


@settings(max_examples=150)
@given(st.lists(st.one_of(TAGS, st.sampled_from(["Fees.", "900 euros", "é"])), max_size=40))
def test_any_page_ends_in_text_or_a_line(parts: list[str]) -> None:
    ends_well(".html", " ".join(parts).replace("\t", " ").encode())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_takes_bounded_time(name: str) -> None:
    began = time.monotonic()
    ends_well(".html", HOSTILE[name])
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("name", ["table.md", "rowspan.html", "footnote.docx", "feetable.pdf"])
def test_a_file_read_again_embeds_nothing(name: str, index_folder: Path) -> None:
    from advisor_bot.index.publish import publish, read_guide
    from advisor_bot.settings import Settings

    file, chosen = Path(__file__).parent / "files" / name, Settings(index=index_folder)
    publish(read_guide([file], chosen).documents, chosen)
    again = publish(read_guide([file], chosen).documents, chosen)
    assert not again.changed
    assert again.plan is not None
    assert again.plan.embed == 0
