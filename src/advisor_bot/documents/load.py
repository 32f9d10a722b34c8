r"""Files -> Documents: the canonical text of each file and its heading tree.

The canonical text is the file's own text with newlines as ``\\n`` and no byte-order mark; every other
character stays (a no-break space too), so offsets count the file's own text. A file that cannot be read is
named with the reason and the rest goes on.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import yaml
from charset_normalizer import from_bytes

from advisor_bot.documents import convert, markdown, plain_text
from advisor_bot.documents.outline import sections
from advisor_bot.errors import LoadError
from advisor_bot.types import Document, Section

CASES = "cases.jsonl"  # scored questions that travel with a guide; no part of it
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.{0,20000}?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_SETTING = re.compile(r"([\w][\w .-]{0,40}):(?:\s+(.*))?")
_ATX = re.compile(r"(?m)^#{1,6}[ \t]+\S")
_UNDERLINED = re.compile(r"(?m)^[^\s=].{0,120}\n={3,}[ \t]*$")
_BOMS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
# What a Western text in Windows-1252 uses besides ASCII; other signs mean that the bytes are something else.
_WESTERN = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüŒœŠšŽžŸ‘’“”„‚–—…•·€£¥¢§©®™°±²µ½¼¾×«»¿¡ºª\xa0"
)
_MAC = re.compile("[a-z][ÒÓÔÕÐÑÉŽ](?:[a-z]|\\W|$)|[a-z]\\W?[ÐÑ] ")  # quotation marks and dashes of old Macs
_OTHERS = """cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 iso8859_2 koi8_r cp932 gb18030 big5 euc_jp
    euc_kr""".split()
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x7f]")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not part of the guide, and why, in one line."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the given paths hold: the documents, sorted by name, and what was left out."""

    documents: tuple[Document, ...]
    left_out: tuple[LeftOut, ...]


class _UnreadableError(Exception):
    """Why one file is left out."""


# --- text -> Document ----------------------------------------------------------------------------------------


def parse(name: str, text: str, *, markup: bool) -> Document:
    """Return the document called ``name`` whose canonical text is ``text``; never raises.

    ``markup``: the text is Markdown; else plain text without markup. The title is the front matter's, else the
    first heading of level 1, else the file's name without its suffix.
    """
    meta, start = _front_matter(text) if markup else ({}, 0)
    headings, blocks = (markdown if markup else plain_text).read(text, start)
    made = sections(headings, blocks, start, len(text))
    title = meta.get("title") or _first_title(made, markup=markup) or PurePosixPath(name).stem
    return Document(name, title, text, made, meta)


def _first_title(made: tuple[Section, ...], *, markup: bool) -> str:
    """Return the first heading of level 1; in plain text only where the text opens with it, and it asks nothing."""
    tops = [section.heading[-1] for section in made if section.level == 1 and section.heading]
    if not tops or (not markup and (made[0].level != 1 or tops[0].endswith("?"))):
        return ""
    return tops[0]


def _front_matter(text: str) -> tuple[dict[str, str], int]:
    found = _FRONT_MATTER.match(text)
    if not found:
        return {}, 0
    meta = _settings(found[1])
    return (meta, found.end()) if meta is not None else ({}, 0)


def _settings(lines: str) -> dict[str, str] | None:
    """Return the front matter's values as written, None where the lines are no front matter at all."""
    try:
        # The nodes hold the scalars as they are written: 2024-10 stays 2024-10, "no" stays "no".
        node = yaml.compose(lines, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return _settings_line_by_line(lines)
    if node is None:
        return {}
    return {_words(key): _words(value) for key, value in node.value} if isinstance(node, yaml.MappingNode) else None


def _settings_line_by_line(lines: str) -> dict[str, str] | None:
    """Read front matter that is not valid YAML, such as ``title: Bikes: a guide``."""
    rows = [line for line in lines.splitlines() if line.strip() and not line.startswith((" ", "\t", "#", "-"))]
    found = [_SETTING.fullmatch(row.strip()) for row in rows]
    if not rows or not all(found):
        return None
    return {row[1].strip(): (row[2] or "").strip().strip("\"'") for row in found if row}


def _words(node: yaml.Node) -> str:
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return ", ".join(" ".join(item.value.split()) for item in items if isinstance(item, yaml.ScalarNode))


# --- bytes -> text -------------------------------------------------------------------------------------------


def _decode(data: bytes) -> str:
    encoding = next((encoding for bom, encoding in _BOMS.items() if data.startswith(bom)), None)
    if not encoding and b"\0" in data[:4096]:
        encoding = _zero_pattern(data[:4096])
        if not encoding:
            raise _UnreadableError("is not text (binary content); give a text file or remove it")
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding and encoding != "utf-8-sig":
            raise _UnreadableError(f"is damaged {encoding.upper()} at byte {error.start}; save it as UTF-8") from None
        text = _legacy(data, error)
    if "\0" in text or len(_CONTROLS.findall(text)) * 100 > len(text):
        raise _UnreadableError("is not text (binary content); give a text file or remove it")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _zero_pattern(sample: bytes) -> str | None:
    """Return the two-byte encoding that a text without a mark is in, judged by where its zero bytes stand."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd > 0.6 * len(sample) / 2 and even * 10 < odd:
        return "utf-16-le"
    return "utf-16-be" if even > 0.6 * len(sample) / 2 and odd * 10 < even else None


def _legacy(data: bytes, error: UnicodeDecodeError) -> str:
    """Return text in an older encoding; raise where it is not clear which, rather than show garbled words."""
    line = data.count(b"\n", 0, error.start) + 1
    unclear = _UnreadableError(f"is not valid UTF-8 (byte {error.start}, line {line}); save it as UTF-8")
    high = len(data) - len(data.translate(None, bytes(range(128, 256))))
    if len(re.findall(rb"[\xc3-\xf4][\x80-\xbf]", data)) * 4 > high:
        raise unclear  # UTF-8 that was damaged
    mac = data.decode("mac_roman")
    western = data.decode("cp1252", errors="replace")
    if _MAC.search(western) and {sign for sign in mac if sign > "\x7f"} <= _WESTERN:
        return mac
    if {sign for sign in western if sign > "\x7f"} <= _WESTERN:
        return western
    encoding = _detected(data, high / len(data))
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise unclear from None


def _detected(data: bytes, high: float) -> str:
    """Return the encoding that makes sense of ``data``, "" if none does; ``high``: share of bytes beyond ASCII."""
    sample = data[:200_000]
    sample = sample[: sample.rfind(b"\n") + 1] or sample
    best = from_bytes(sample, cp_isolation=_OTHERS).best()
    if best is None or best.language == "Unknown" or (best.percent_coherence < 20 and high < 0.4):
        return ""
    return best.encoding


# --- files ---------------------------------------------------------------------------------------------------


def _read_markdown(name: str, data: bytes) -> Document:
    return parse(name, _decode(data), markup=True)


def _read_text(name: str, data: bytes) -> Document:
    text = _decode(data)
    return parse(name, text, markup=_is_markdown(text))


def _is_markdown(text: str) -> bool:
    """Tell whether a .txt file is Markdown after all: heading marks, underlined headings or front matter."""
    head = text.lstrip()[:10]
    return bool(_ATX.match(head) or _UNDERLINED.search(text) or len(_ATX.findall(text)) > 1 or _front_matter(text)[1])


def _read_converted(name: str, data: bytes) -> Document:
    try:
        made = convert.to_markdown(PurePosixPath(name).suffix.lower(), data)
    except convert.CannotConvertError as problem:
        raise _UnreadableError(str(problem)) from None
    return replace(parse(name, made.text, markup=True), pages=made.pages, left=dict(made.left))


# The one place where a file's suffix chooses how it is read.
Reader = Callable[[str, bytes], Document]
READERS: Mapping[str, Reader] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".txt": _read_text,
    ".text": _read_text,
    **dict.fromkeys(convert.SUFFIXES, _read_converted),
}


def load(paths: Sequence[Path], *, max_bytes: int = 50_000_000) -> Loaded:
    """Return the documents in ``paths`` (folders or files) and what was left out, with the reason.

    Raises ``LoadError`` for a path that does not exist and for two files of the same name, never for
    a single bad file. ``max_bytes``: larger files are left out.
    """
    documents, left_out, taken = [], [], dict[str, Path]()
    for path in paths:
        if not os.path.lexists(path):
            raise LoadError(f"{path}: no such file or folder; check the path")
        for name, file in _files(path):
            if isinstance(file, str):
                left_out.append(LeftOut(name, file))
                continue
            if name in taken and _reader(name):
                raise LoadError(f"{taken[name]} and {file} are both called {name}; rename one or give one of them")
            taken[name] = file
            try:
                documents.append(_document(name, file, max_bytes))
            except _UnreadableError as problem:
                left_out.append(LeftOut(name, str(problem)))
    return Loaded(
        tuple(sorted(documents, key=lambda document: document.name)),
        tuple(sorted(left_out, key=lambda item: item.name)),
    )


def _files(path: Path) -> Iterator[tuple[str, Path | str]]:
    """Yield (name, file) for each file in ``path``, (name, reason) for what cannot be looked into."""
    if not path.is_dir():
        yield _printable(path.name), path
        return
    seen = set[tuple[int, int]]()
    problems: list[OSError] = []
    for folder, folders, names in os.walk(path, followlinks=True, onerror=problems.append):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            yield _name(path, Path(folder), "."), "is a link to a folder that is read already; remove the link"
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name != CASES:
                yield _name(path, Path(folder), name), Path(folder, name)
    for problem in problems:
        yield (
            _name(path, Path(problem.filename or path), "."),
            f"cannot be opened ({problem.strerror}); check who may read it",
        )


def _name(root: Path, folder: Path, name: str) -> str:
    return _printable((folder / name).relative_to(root).as_posix())


def _printable(name: str) -> str:
    return "".join("\ufffd" if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in name)


def _reader(name: str) -> Reader | None:
    return READERS.get(PurePosixPath(name).suffix.lower())


def _document(name: str, file: Path, max_bytes: int) -> Document:
    reader = _reader(name)
    if reader is None:
        kinds = ", ".join(READERS)
        raise _UnreadableError(f"is of a kind that is not read; give one of {kinds}")
    if "\ufffd" in name:
        raise _UnreadableError("has a name with characters that cannot be shown; rename it")
    return _read(name, reader, _bytes(file, max_bytes))


def read_bytes(name: str, suffix: str, data: bytes) -> Document | LeftOut:
    """Return the document in ``data``, read like a file with this suffix, or the reason why it is left out."""
    try:
        return _read(name, READERS[suffix], data, suffix)
    except _UnreadableError as problem:
        return LeftOut(name, str(problem))


def _read(name: str, reader: Reader, data: bytes, suffix: str = "") -> Document:
    try:
        document = reader(name, data) if not suffix else replace(reader(f"page{suffix}", data), name=name)
    except _UnreadableError:
        raise
    except Exception as problem:  # one file must never keep the others from being read
        raise _UnreadableError(f"cannot be understood ({problem!r}); please report this file") from problem
    if not any(section.blocks for section in document.sections):
        empty = not document.text.strip()
        raise _UnreadableError(
            "is empty; write something in it or remove it" if empty else "holds no text under its headings"
        )
    return document


def _bytes(file: Path, max_bytes: int) -> bytes:
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _UnreadableError("is not a regular file; remove it")
        with file.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except FileNotFoundError:
        raise _UnreadableError("is a link to nothing; remove it or mend the link") from None
    except OSError as problem:
        raise _UnreadableError(f"cannot be read ({problem.strerror}); check who may read it") from None
    if len(data) > max_bytes:
        raise _UnreadableError(f"is larger than {max_bytes / 1_000_000:g} MB; split it or raise ADVISOR_MAX_FILE_MB")
    return data
