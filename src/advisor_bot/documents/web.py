"""Web addresses -> Documents: pages, sitemaps and lists of addresses, remembered between two readings."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from advisor_bot.documents import convert
from advisor_bot.documents.fetch import Fetcher, FetchError, Page
from advisor_bot.documents.load import READERS, LeftOut, Loaded, read_bytes
from advisor_bot.types import Document

MOST_PAGES = 1_000
DEEPEST_SITEMAP = 3
LONGEST_LIST = 1_000_000
_ADDRESS = re.compile(r"https?://\S+", re.I)
_LOCATION = re.compile(rb"<loc>\s*(?:<!\[CDATA\[)?\s*(.{1,2000}?)\s*(?:\]\]>)?\s*</loc>", re.I | re.S)
_SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/pdf": ".pdf",
    "application/rtf": ".rtf",
    "application/epub+zip": ".epub",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}


def split(given: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Sort ``given`` into paths and web addresses; a text file that lists only addresses is replaced by them."""
    paths: list[Path] = []
    addresses: list[str] = []
    for one in given:
        if _ADDRESS.fullmatch(one):
            addresses.append(one)
        elif listed := _listed(Path(one)):
            addresses += listed
        else:
            paths.append(Path(one))
    return paths, list(dict.fromkeys(addresses))


def _listed(path: Path) -> list[str]:
    if path.suffix.lower() not in (".txt", ".text", ".csv") or not path.is_file():
        return []
    if path.stat().st_size > LONGEST_LIST:
        return []
    lines = [line.strip() for line in path.read_text("utf-8-sig", "replace").splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("#")]
    return lines if lines and all(_ADDRESS.fullmatch(line) for line in lines) else []


def read_pages(
    addresses: Sequence[str], fetcher: Fetcher, memory: Path, say: Callable[[str], None] = lambda _: None
) -> Loaded:
    """Return the pages at ``addresses`` (each page of a sitemap) as documents, and those that cannot be read.

    Pages are kept in the folder ``memory`` with the headers that tell next time whether they changed.
    """
    documents: dict[str, Document] = {}
    left_out: list[LeftOut] = []
    waiting = [(address, 0) for address in reversed(addresses)]
    seen: set[str] = set()
    while waiting:
        address, depth = waiting.pop()
        if address in seen:
            continue
        if len(seen) >= MOST_PAGES:
            left_out.append(LeftOut(address, f"and {len(waiting)} more: no more than {MOST_PAGES} pages are read"))
            break
        seen.add(address)
        say(f"Fetching {address}")
        try:
            page = _remembered(address, fetcher, memory)
            if inside := _sitemap(page):
                waiting += [(one, depth + 1) for one in reversed(_of_site(inside, page)) if depth < DEEPEST_SITEMAP]
                continue
            document = _document(page)
        except FetchError as problem:
            left_out.append(LeftOut(address, str(problem)))
            continue
        if isinstance(document, LeftOut):
            left_out.append(document)
        else:
            documents[document.name] = document
    return Loaded(tuple(sorted(documents.values(), key=lambda one: one.name)), tuple(left_out))


def save(documents: Sequence[Document], folder: Path) -> list[str]:
    """Write each page as a Markdown file in ``folder`` that keeps its title and address; return the files' names."""
    names: list[str] = []
    for document in documents:
        name = file_name(document.name)
        while name in names:
            name = f"{name.removesuffix('.md')}-2.md"
        names.append(name)
        settings = {**document.meta, "title": document.title}
        front = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in settings.items())
        text = document.text[document.sections[0].start :] if document.sections else document.text
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"---\n{front}---\n{text}", "utf-8")
    return names


def file_name(name: str) -> str:
    """Return the name of a file for a page: ``www.example.edu/fees.md`` for ``www.example.edu/fees.html``."""
    page = PurePosixPath(name)
    page = page.with_suffix("") if page.suffix.lower() in READERS else page
    parts = (re.sub(r"[^\w.-]+", "-", part)[:80].strip(".-") or "page" for part in page.parts)
    return "/".join(parts) + ".md"


def _document(page: Page) -> Document | LeftOut:
    name = _name(page.address)
    suffix = ".pdf" if page.data.startswith(b"%PDF-") else _SUFFIXES.get(page.kind, "")
    if not suffix:
        raise FetchError(f"is of the type {page.kind}, which is not read")
    data = convert.decoded(page.data, page.charset).encode() if suffix in (".html", ".txt", ".md") else page.data
    read = read_bytes(name, suffix, data)
    return read if isinstance(read, LeftOut) else replace(read, meta={**read.meta, "address": page.address})


def _name(address: str) -> str:
    parts = urlsplit(address)
    return parts.netloc + parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")


def _sitemap(page: Page) -> list[str]:
    if b"<urlset" not in page.data[:5_000] and b"<sitemapindex" not in page.data[:5_000]:
        return []
    found = [html.unescape(one.decode("utf-8", "replace")) for one in _LOCATION.findall(page.data)]
    return list(dict.fromkeys(found))


def _of_site(addresses: Sequence[str], page: Page) -> list[str]:
    site = (urlsplit(page.address).hostname or "").removeprefix("www.")
    return [one for one in addresses if _host(one) == site][:MOST_PAGES]


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


# --- what is remembered ------------------------------------------------------------------------------------------


def _remembered(address: str, fetcher: Fetcher, memory: Path) -> Page:
    """Return the page at ``address``: as it was where the site says that it has not changed."""
    file = memory / (hashlib.blake2b(address.encode(), digest_size=16).hexdigest() + ".json")
    kept = _kept(file)
    page = fetcher.fetch(address, kept.marks if kept else {})
    if page.unchanged:
        if kept is None:
            raise FetchError("says that nothing changed, though it was never read")
        return kept
    if page.marks:
        memory.mkdir(parents=True, exist_ok=True)
        made = {"address": page.address, "kind": page.kind, "charset": page.charset, "marks": dict(page.marks)}
        file.with_suffix(".data").write_bytes(page.data)
        file.write_text(json.dumps({**made, "sha256": hashlib.sha256(page.data).hexdigest()}))
    return page


def _kept(file: Path) -> Page | None:
    try:
        row, data = json.loads(file.read_text()), file.with_suffix(".data").read_bytes()
        sound = hashlib.sha256(data).hexdigest() == row["sha256"]
        return Page(row["address"], row["kind"], row["charset"], data, True, row["marks"]) if sound else None
    except (OSError, ValueError, KeyError):
        return None
