"""The next text of the guide, before it is published: a copy of the guide's folder with what an owner dropped in it.

It stands in a temporary folder, so that a preview shows what publishing will publish. Once that is published, the
guide's folder is brought to the same state; what is replaced there is kept beside the versions.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import unicodedata
import uuid
import weakref
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

from advisor_bot.documents.load import CASES, READERS, files
from advisor_bot.index import versions
from advisor_bot.web.worker import Run, StoppedError, now

REPLACED = "replaced"  # in the index folder: the files that were replaced, by the version that was live with them
_LONGEST_NAME = 200  # bytes


class Draft:
    """A copy of the guide's folder, and in ``new`` and ``gone`` what differs in it."""

    def __init__(self, corpus: Path) -> None:
        """Copy the texts in ``corpus``. Raises ``OSError`` where there is no room."""
        self.id, self.begun, self.corpus = uuid.uuid4().hex, now(), corpus
        temporary = tempfile.mkdtemp(prefix="advisor-desk-")
        self._gone = weakref.finalize(self, shutil.rmtree, temporary, ignore_errors=True)  # at the latest at the end
        self.folder = Path(temporary, "guide")
        self.folder.mkdir()
        self.known = texts(corpus)
        self.new: dict[str, str] = {}  # name -> "new" or "changed"
        self.gone: list[str] = []
        self.problems: list[str] = []
        self.preview: dict[str, Any] = {}
        self.live = ""  # the version that was live when the preview was made
        for name in self.known:
            self._copy(name)

    def put(self, filename: str, stream: IO[bytes]) -> None:
        """Take a dropped file: in the place of the one of its name, else as a new one. Raises ``StoppedError``."""
        name = place(filename, self.known, one_file=self.corpus.is_file())
        (path := self._at(name)).unlink(missing_ok=True)
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file)
        self.new[name] = "changed" if name in self.known else "new"

    def fetch(self, address: str, run: Run) -> None:
        """Have the command fetch a web page, or those of a sitemap, as texts. Raises ``StoppedError``."""
        fetched = run(address, "--save", self.folder)
        self.new |= {name: "changed" if name in self.known else "new" for name in fetched["saved"]}
        self.gone = [name for name in self.gone if name not in self.new]
        self.problems += [f"{row['name']} {row['reason']}." for row in fetched["left_out"]]

    def take_out(self, names: Sequence[str]) -> None:
        """Leave the texts called ``names`` out, those that are there and were not dropped anew."""
        self.gone = [name for name in names if name in self.known and name not in self.new]
        for name in self.gone:
            (self.folder / name).unlink()

    def look(self, run: Run) -> None:
        """Have the command say what publishing would change. Raises ``StoppedError`` where nothing is left to do.

        A dropped file that cannot be read is left out of the draft: the one of its name stays as it is.
        """
        self.preview = run(self.folder, "--dry-run")
        broken = {row["name"]: row["reason"] for row in self.preview["left_out"] if row["name"] in self.new}
        self.problems += [f"{name} {reason}." for name, reason in broken.items()]
        for name in broken:
            (self.folder / name).unlink()
            self._copy(name)
            del self.new[name]
        if not (self.new or self.gone):
            raise StoppedError(" ".join(self.problems) or "There is nothing to publish in what you sent.")
        if broken:
            self.preview = run(self.folder, "--dry-run")

    def keep(self, index: Path, replaced: str) -> None:
        """Bring the guide's folder to this state; what it loses stands in ``index``/replaced/``replaced`` then."""
        for name in (*self.new, *self.gone):
            here = self.corpus if self.corpus.is_file() else self.corpus / name
            if name in self.known:
                aside = index / REPLACED / (replaced or "before") / name
                aside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(here, aside)
            if name in self.gone:
                here.unlink()
                continue
            here.parent.mkdir(parents=True, exist_ok=True)
            fresh = here.with_name(f".{uuid.uuid4().hex}")
            shutil.copyfile(self.folder / name, fresh)
            fresh.replace(here)
        kept = {*versions.published(index), replaced or "before"}
        for folder in (index / REPLACED).glob("*"):
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Remove the copy."""
        self._gone()

    def _copy(self, name: str) -> None:
        if name not in self.known:
            return
        path = self._at(name)
        try:
            shutil.copyfile(self.known[name], path)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            path.unlink(missing_ok=True)
            path.symlink_to(self.known[name].absolute())  # what cannot be copied cannot be read: the command says why

    def _at(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def texts(corpus: Path) -> dict[str, Path]:
    """Return the files in the guide's folder that are read, and its cases, by their names in the guide."""
    if not corpus.exists():
        return {}
    found = {name: file for name, file in files(corpus) if isinstance(file, Path)}
    if (corpus / CASES).is_file():
        found[CASES] = corpus / CASES
    return {name: file for name, file in found.items() if name == CASES or is_read(name)}


def is_read(name: str) -> bool:
    """Tell whether a file of this name is of a kind that is read."""
    return PurePosixPath(name).suffix.lower() in READERS


def place(filename: str, known: Sequence[str] | dict[str, Path], *, one_file: bool = False) -> str:
    """Return the name in the guide under which a dropped file goes. Raises ``StoppedError`` that says why none."""
    name = _composed(filename.replace("\\", "/").rsplit("/", 1)[-1].strip())
    if name.startswith(".") or not name or any(unicodedata.category(sign)[0] == "C" for sign in name):
        raise StoppedError(f"{filename[:80]!a} is no name for a text of the guide. Rename it.")
    if len(name.encode()) > _LONGEST_NAME:
        raise StoppedError(f"{name[:40]}… has too long a name. Rename it.")
    if name != CASES and not is_read(name):
        raise StoppedError(f"{name} is of a kind that is not read. Give one of {', '.join(READERS)}.")
    same = [one for one in known if _composed(PurePosixPath(one).name) == name]
    if one_file and not same:
        raise StoppedError(f"This guide is the one file {next(iter(known))}: drop a file of that name.")
    if not same:
        return name
    top = [one for one in same if "/" not in one]
    if not top and len(same) > 1:
        raise StoppedError(f"There are several texts called {name} ({', '.join(same)}). Rename yours, or theirs.")
    return (top or same)[0]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
