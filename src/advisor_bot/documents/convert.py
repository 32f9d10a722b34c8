"""HTML, Word, ODT, RTF, EPUB and PDF -> Markdown, for ``load``: what a person sees, with a remark on what is not read.

The converters are the extra ``formats``: BeautifulSoup and markdownify for pages, pandoc (a program of its own) for
Word and its kin, pdfplumber for PDF; docs/guides.md says why these. A file that holds no text, is locked, damaged or
too large unpacked is left out with the reason (``UnreadableError``).
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from advisor_bot.documents import html
from advisor_bot.errors import UnreadableError

MOST_UNPACKED = 300_000_000  # bytes of a zipped file's parts together; a text of a thousand pages has about 10 million
MOST_HTML = 20_000_000
LONGEST = 120  # seconds for one file
MOST_MEMORY = 2_000_000_000
_DECLARED = re.compile(rb"<(?:meta|\?xml)[^>]{0,300}?(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.I)
_WESTERN = frozenset("iso-8859-1 iso8859-1 latin1 latin-1 l1 us-ascii ascii windows-1252".split())

_HIDDEN = "hidden text"

Pages = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Converted:
    """A file as Markdown; where its pages start, as (offset, page number); how often what kind of thing is not read."""

    text: str
    pages: Pages = ()
    left: Mapping[str, int] = field(default_factory=dict)


def to_markdown(suffix: str, data: bytes) -> Converted:
    """Return a file as Markdown.

    Raises ``UnreadableError`` for a file that has no text, is locked, damaged or too large unpacked, or where
    the extra ``formats`` is not installed.
    """
    try:
        return _CONVERTERS[suffix](data)
    except UnreadableError:
        raise
    except ImportError as error:
        raise UnreadableError(f"needs {error.name}; run `pip install 'advisor-bot[formats]'`") from None
    except subprocess.TimeoutExpired:
        raise UnreadableError(f"takes longer than {LONGEST} s to read; split it or save it anew") from None
    except Exception as error:  # the converters raise dozens of kinds on damaged files
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UnreadableError(f"is damaged or not what its name says ({reason}); save it anew") from error


def _html(data: bytes) -> Converted:
    if len(data) > MOST_HTML:
        raise UnreadableError(f"is larger than {MOST_HTML // 1_000_000} MB; split it")
    text, left = html.read(decoded(data))
    return Converted(text, (), left)


def decoded(data: bytes, charset: str = "") -> str:
    """Return a page's text as browsers read it: a page that names Latin-1 or ASCII is read as Windows-1252."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = _DECLARED.search(data[:4096])
    name = (charset or (declared[1].decode() if declared else "")).lower()
    try:
        return data.decode("cp1252" if not name or name in _WESTERN or name.startswith("utf") else name, "replace")
    except (LookupError, UnicodeError):  # no such encoding, or one that is none ("undefined")
        return data.decode("cp1252", "replace")


# --- Word and its kin --------------------------------------------------------------------------------------------


def _by_pandoc(kind: str, part: str) -> Callable[[bytes], Converted]:
    """Return the converter of a format that pandoc calls ``kind``; ``part`` is the file its zip must hold, or ""."""

    def convert(data: bytes) -> Converted:
        if data.startswith(b"\xd0\xcf\x11\xe0"):
            raise UnreadableError(f"is encrypted or an old .doc; save it as .{kind} without a password")
        data, taken = _unpackable(data, part, kind) if part else (data, 0)
        text, left = html.read(re.sub(r"<title>.*?</title>", "", _pandoc(kind, data), count=1, flags=re.S))
        return Converted(text, (), {**left, _HIDDEN: left.get(_HIDDEN, 0) + taken})

    return convert


def _unpackable(data: bytes, part: str, kind: str) -> tuple[bytes, int]:
    """Return a zipped file without its hidden text, and how many pieces of that it had.

    Raises ``UnreadableError`` where it unpacks to too much or is another kind.
    """
    from advisor_bot.documents.hidden import MAY_HIDE, without_hidden  # it needs a package of the extra `formats`

    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        if sum(each.file_size for each in parts.infolist()) > MOST_UNPACKED:
            raise UnreadableError(f"unpacks to more than {MOST_UNPACKED // 1_000_000} MB; split it")
        if part not in parts.namelist():
            raise UnreadableError(f"is no {kind.upper()} document; save it as .{kind}")
        shown = without_hidden(kind, {name: parts.read(name) for name in parts.namelist() if name in MAY_HIDE})
        if not shown.taken:
            return data, 0
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as copy:
            for each in parts.infolist():
                copy.writestr(each, shown.parts.get(each.filename) or parts.read(each))
    return made.getvalue(), shown.taken


def _pandoc(kind: str, data: bytes) -> str:
    import pypandoc

    done = subprocess.run(
        [pypandoc.get_pandoc_path(), "+RTS", f"-M{MOST_MEMORY // 1_000_000}m", "-RTS", "--sandbox", "--standalone",
         "--from", kind, "--to", "html", "--wrap", "none"],
        input=data, capture_output=True, timeout=LONGEST, check=False,
    )  # fmt: skip
    if done.returncode:
        reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["pandoc cannot read it"])[0][:200]
        raise UnreadableError(f"is damaged or not what its name says ({reason}); save it anew")
    return done.stdout.decode(errors="replace")


# --- PDF ---------------------------------------------------------------------------------------------------------


def _pdf(data: bytes) -> Converted:
    import pdfplumber  # noqa: F401 - said here, where it is missing, not by the process that uses it

    done = subprocess.run(
        [sys.executable, "-m", "advisor_bot.documents.pdf"],
        input=data, capture_output=True, timeout=LONGEST, check=False,
    )  # fmt: skip
    if done.returncode:
        reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["it stops the reader"])[-1][:200]
        raise UnreadableError(f"is damaged or not what its name says ({reason}); save it anew")
    made = json.loads(done.stdout)
    if "problem" in made:
        raise UnreadableError(made["problem"])
    return Converted(made["text"], tuple((start, page) for start, page in made["pages"]), made["left"])


_CONVERTERS: dict[str, Callable[[bytes], Converted]] = {
    ".html": _html,
    ".htm": _html,
    ".docx": _by_pandoc("docx", "word/document.xml"),
    ".odt": _by_pandoc("odt", "content.xml"),
    ".epub": _by_pandoc("epub", "META-INF/container.xml"),
    ".rtf": _by_pandoc("rtf", ""),
    ".pdf": _pdf,
}
SUFFIXES = tuple(_CONVERTERS)
