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

from advisor_bot.documents import convert, markdown, plain_text
from advisor_bot.documents.decode import decode
from advisor_bot.documents.outline import sections
from advisor_bot.errors import LoadError, UnreadableError
from advisor_bot.types import Document, Section

CASES = "cases.jsonl"  # scored questions that travel with a guide; no part of it
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.{0,20000}?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_SETTING = re.compile(r"([\w][\w .-]{0,40}):(?:\s+(.*))?")
_ATX = re.compile(r"(?m)^#{1,6}[ \t]+\S")
_UNDERLINED = re.compile(r"(?m)^[^\s=].{0,120}\n={3,}[ \t]*$")


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


# --- text -> Document ----------------------------------------------------------------------------------------


def parse(name: str, text: str, *, markup: bool) -> Document:
    """Return the document called ``name`` whose canonical text is ``text``; never raises.

    ``markup``: the text is Markdown; else plain text without markup. The title is the front matter's, else the
    first heading of level 1, else the file's name without its suffix.
    """
    meta, start = front_matter(text) if markup else ({}, 0)
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


def front_matter(text: str) -> tuple[dict[str, str], int]:
    """Return the settings at the top of a Markdown text and where the text begins after them."""
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


# --- files ---------------------------------------------------------------------------------------------------


def _read_markdown(name: str, data: bytes) -> Document:
    return parse(name, decode(data), markup=True)


def _read_text(name: str, data: bytes) -> Document:
    text = decode(data)
    return parse(name, text, markup=_is_markdown(text))


def _is_markdown(text: str) -> bool:
    """Tell whether a .txt file is Markdown after all: heading marks, underlined headings or front matter."""
    head = text.lstrip()[:10]
    return bool(_ATX.match(head) or _UNDERLINED.search(text) or len(_ATX.findall(text)) > 1 or front_matter(text)[1])


def _read_converted(name: str, data: bytes) -> Document:
    made = convert.to_markdown(PurePosixPath(name).suffix.lower(), data)
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
        for name, file in files(path):
            if isinstance(file, str):
                left_out.append(LeftOut(name, file))
                continue
            if name in taken and _reader(name):
                raise LoadError(f"{taken[name]} and {file} are both called {name}; rename one or give one of them")
            taken[name] = file
            try:
                documents.append(_document(name, file, max_bytes))
            except UnreadableError as problem:
                left_out.append(LeftOut(name, str(problem)))
    return Loaded(
        tuple(sorted(documents, key=lambda document: document.name)),
        tuple(sorted(left_out, key=lambda item: item.name)),
    )


def files(path: Path) -> Iterator[tuple[str, Path | str]]:
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
        raise UnreadableError(f"is of a kind that is not read; give one of {kinds}")
    if "\ufffd" in name:
        raise UnreadableError("has a name with characters that cannot be shown; rename it")
    return _read(name, reader, _bytes(file, max_bytes))


def read_bytes(name: str, suffix: str, data: bytes) -> Document | LeftOut:
    """Return the document in ``data``, read like a file with this suffix, or the reason why it is left out."""
    try:
        return _read(name, READERS[suffix], data, suffix)
    except UnreadableError as problem:
        return LeftOut(name, str(problem))


def _read(name: str, reader: Reader, data: bytes, suffix: str = "") -> Document:
    try:
        document = reader(name, data) if not suffix else replace(reader(f"page{suffix}", data), name=name)
    except UnreadableError:
        raise
    except Exception as problem:  # one file must never keep the others from being read
        raise UnreadableError(f"cannot be understood ({problem!r}); please report this file") from problem
    if not any(section.blocks for section in document.sections):
        empty = not document.text.strip()
        raise UnreadableError(
            "is empty; write something in it or remove it" if empty else "holds no text under its headings"
        )
    return document


def _bytes(file: Path, max_bytes: int) -> bytes:
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("is not a regular file; remove it")
        with file.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except FileNotFoundError:
        raise UnreadableError("is a link to nothing; remove it or mend the link") from None
    except OSError as problem:
        raise UnreadableError(f"cannot be read ({problem.strerror}); check who may read it") from None
    if len(data) > max_bytes:
        raise UnreadableError(f"is larger than {max_bytes / 1_000_000:g} MB; split it or raise ADVISOR_MAX_FILE_MB")
    return data
