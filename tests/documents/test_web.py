"""Web pages are fetched from a real server on this machine: slow, huge, looping, wrongly typed and hostile ones too."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from advisor_bot.documents.fetch import Fetcher, FetchError, Limits
from advisor_bot.documents.load import Loaded, load
from advisor_bot.documents.web import file_name, read_pages, save, split
from advisor_bot.text import quoted_at

FEES = (
    b"<html><head><title>Fees</title></head>"
    b"<body><main><h1>Fees</h1><p>A term costs 900 euros.</p></main></body></html>"
)
ASKED: list[str] = []


@cache
def bomb() -> bytes:
    """Two hundred million zeros, packed; made once, for packing takes longer than a fetch may."""
    return gzip.compress(bytes(200_000_000), 1)


class Site(BaseHTTPRequestHandler):
    """A university's web site with everything that can be wrong."""

    def do_GET(self) -> None:
        ASKED.append(self.path)
        name = (
            self.path.partition("?")[0].strip("/").replace(".", "_").replace("%", "_").replace("-", "_").lower()
            or "index"
        )
        getattr(self, f"get_{name}", self.missing)()

    def log_message(self, *args: object) -> None:
        pass

    def give(self, data: bytes, kind: str = "text/html; charset=utf-8", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for header, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(header.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def get_broken_off(self) -> None:
        self.send_response(200)
        for header, value in {"Content-Type": "text/html", "Content-Length": "100000", "ETag": '"9"'}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(FEES)

    def get_k_c3_b6ln(self) -> None:
        self.give(FEES)

    def missing(self) -> None:
        self.give(b"no", status=404)

    def get_robots_txt(self) -> None:
        self.give(b"User-agent: *\nDisallow: /secret\n", "text/plain")

    def get_fees(self) -> None:
        if self.headers["If-None-Match"] == '"7"':
            self.give(b"", status=304, ETag='"7"')
        else:
            self.give(FEES, ETag='"7"')

    def get_secret(self) -> None:
        self.give(FEES)

    def get_loop(self) -> None:
        self.give(b"", status=302, Location="/loop")

    def get_moved(self) -> None:
        self.give(b"", status=301, Location="/fees")

    def get_away(self) -> None:
        self.give(b"", status=302, Location="http://169.254.169.254/latest/meta-data")

    def get_slow(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"a")
            time.sleep(0.1)

    def get_huge(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        for _ in range(200):
            self.wfile.write(b"a" * 100_000)

    def get_bomb(self) -> None:
        self.give(bomb(), Content_Encoding="gzip")

    def get_film(self) -> None:
        self.give(bytes(100), "video/mp4")

    def get_binary(self) -> None:
        self.give(bytes(range(256)) * 20)

    def get_latin(self) -> None:
        self.give(b"<h1>Caf\xe9</h1><p>The caf\xe9 costs \x80 3 a day.</p>", "text/html; charset=iso-8859-1")

    def get_nonsense(self) -> None:
        self.wfile.write(b"\xff\xfe not http at all\r\n\r\n")

    def get_sitemap_xml(self) -> None:
        here = f"http://{self.headers['Host']}"
        listed = [f"{here}/fees", f"{here}/latin?a=1&amp;b=2", "http://elsewhere.example/x", f"{here}/sitemap.xml"]
        body = "".join(f"<url><loc>{one}</loc></url>" for one in listed)
        self.give(f'<?xml version="1.0"?><urlset>{body}</urlset>'.encode(), "application/xml")


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetched(addresses: list[str], memory: Path, **limits: float) -> Loaded:
    kept = {"seconds": 1.0, "size": 1_000_000, "pause": 0.0, "private": True} | limits
    return read_pages(addresses, Fetcher(Limits(**kept)), memory)  # type: ignore[arg-type]


def test_a_page_is_read_and_keeps_its_address(site: str, tmp_path: Path) -> None:
    (document,) = fetched([f"{site}/moved"], tmp_path).documents
    assert document.text == "# Fees\n\nA term costs 900 euros.\n"
    assert document.address == f"{site}/fees"
    assert document.name == f"{site.removeprefix('http://')}/fees"


def test_a_saved_page_is_the_page(site: str, tmp_path: Path) -> None:
    (page,) = fetched([f"{site}/fees"], tmp_path).documents
    (name,) = save([page], tmp_path / "corpus")
    (read,) = load([tmp_path / "corpus"]).documents
    assert (read.name, read.title, read.address) == (name, page.title, page.address)
    assert [block for section in read.sections for block in section.heading] == ["Fees"]
    assert read.text.endswith(f"---\n{page.text}")


@pytest.mark.parametrize(
    ("page", "file"),
    [
        ("www.example.edu", "www.example.edu.md"),
        ("www.example.edu/a/fees.html", "www.example.edu/a/fees.md"),
        ("www.example.edu/../../.ssh/x?id=1&b", "www.example.edu/page/page/ssh/x-id-1-b.md"),
    ],
)
def test_a_saved_page_stays_in_its_folder(page: str, file: str) -> None:
    assert file_name(page) == file


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("gone", "answers 404 (Not Found)"),
        ("secret", "robots.txt"),
        ("loop", "leads on more than 5 times"),
        ("away", "leads to another site (169.254.169.254)"),
        ("slow", "takes longer than 1 s"),
        ("huge", "is larger than 1 MB"),
        ("bomb", "is larger than 1 MB"),
        ("film", "is of the type video/mp4, which is not read"),
        ("nonsense", "cannot be fetched"),
    ],
)
def test_a_page_that_cannot_be_read_says_why_in_one_line(site: str, tmp_path: Path, page: str, reason: str) -> None:
    began = time.monotonic()
    loaded = fetched([f"{site}/{page}", f"{site}/fees"], tmp_path)
    assert [document.title for document in loaded.documents] == ["Fees"]
    (left_out,) = loaded.left_out
    assert reason in left_out.reason
    assert "\n" not in left_out.reason
    assert time.monotonic() - began < 5


def test_bytes_called_a_page_end_in_text_or_a_line(site: str, tmp_path: Path) -> None:
    loaded = fetched([f"{site}/binary"], tmp_path)
    assert len(loaded.documents) + len(loaded.left_out) == 1


def test_this_machine_is_asked_only_if_that_is_meant(site: str, tmp_path: Path) -> None:
    asked = len(ASKED)
    (left_out,) = fetched([f"{site}/fees"], tmp_path, private=False).left_out
    assert "add --private" in left_out.reason
    assert len(ASKED) == asked


@pytest.mark.parametrize(
    "address",
    ["http://localhost/", "http://[::1]/", "http://0.0.0.0/", "http://127.0.0.1/"],
)
def test_no_name_of_this_machine_gets_through(address: str) -> None:
    with pytest.raises(FetchError, match="private"):
        Fetcher(Limits(pause=0)).fetch(address)


@pytest.mark.parametrize(
    "address", ["ftp://a.b/", "https://", "http://u:p@a.b/", "http://a.b:x/", "file:///etc/passwd"]
)
def test_what_is_no_web_address_is_said(address: str) -> None:
    with pytest.raises(FetchError):
        Fetcher().fetch(address)


def test_half_a_page_is_not_taken_for_the_page(site: str, tmp_path: Path) -> None:
    loaded = fetched([f"{site}/broken-off"], tmp_path)
    assert loaded.documents == ()
    assert "breaks off" in loaded.left_out[0].reason
    assert not list(tmp_path.rglob("*.data"))


def test_an_address_may_have_letters_of_any_language(site: str, tmp_path: Path) -> None:
    assert len(fetched([f"{site}/Köln"], tmp_path).documents) == 1


def test_a_sitemap_stands_for_its_pages_of_the_site(site: str, tmp_path: Path) -> None:
    loaded = fetched([f"{site}/sitemap.xml"], tmp_path)
    assert loaded.left_out == ()
    assert sorted(document.title for document in loaded.documents) == ["Café", "Fees"]
    assert any("The café costs € 3 a day." in document.text for document in loaded.documents)


def test_a_page_that_did_not_change_is_not_sent_again(site: str, tmp_path: Path) -> None:
    first, second = fetched([f"{site}/fees"], tmp_path), fetched([f"{site}/fees"], tmp_path)
    assert first.documents == second.documents
    for kept in tmp_path.glob("*.data"):
        kept.write_bytes(b"damaged")
    assert fetched([f"{site}/fees"], tmp_path).documents == first.documents


def test_a_file_of_addresses_stands_for_them(tmp_path: Path) -> None:
    listed, guide = tmp_path / "pages.txt", tmp_path / "guide.txt"
    listed.write_text("# our pages\nhttps://a.example/x\n\nhttps://a.example/y\n")
    guide.write_text("See https://a.example for more.\n")
    assert split([str(listed), str(guide), "https://b.example"]) == (
        [guide],
        ["https://a.example/x", "https://a.example/y", "https://b.example"],
    )


def test_a_quotation_is_found_on_its_page() -> None:
    assert quoted_at("https://a.b/c#d", "A well-known term.") == "https://a.b/c#:~:text=A%20well%2Dknown%20term."
    assert quoted_at("https://a.b/", " ".join(map(str, range(40)))).count(",") == 1
    assert quoted_at("javascript:alert(1)", "x") == ""
