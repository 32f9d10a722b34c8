"""The folder of published versions on disk: names, the pointer to the live one, the journal, the lock.

```
versions/<sequence>-<hash>/   one version, never changed once it has this name
PUBLISHED                     append-only: one line a publish or rollback, ``when action name``
LIVE                          one line: the live version's name, replaced atomically
```
Names that begin with a dot are work in progress or being removed. A version's sequence number never
depends on a clock.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from advisor_bot import disk
from advisor_bot.errors import IndexingError

_NAME = re.compile(r"\d{6,}-[0-9a-f]{12}")
_LOOK_AGAIN = 0.1  # seconds between two tries at the lock


def now() -> str:
    """Return the time of day in UTC, ISO format, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def path_of(folder: Path, name: str) -> Path:
    """Return where version ``name`` stands."""
    return folder / "versions" / name


def is_name(name: str) -> bool:
    """Tell whether ``name`` has the form of a version's name."""
    return bool(_NAME.fullmatch(name))


def sequence_of(name: str) -> int:
    """Return the sequence number a version's name begins with."""
    return int(name.partition("-")[0])


def live(folder: Path) -> str:
    """Return the name in LIVE, or "" when there is none or it is no version's name."""
    try:
        name = (folder / "LIVE").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return name if is_name(name) else ""


def journal(folder: Path) -> list[tuple[str, str, str]]:
    """Return the entries of PUBLISHED, oldest first, as (when, action, name); damaged lines are left out."""
    try:
        lines = (folder / "PUBLISHED").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    entries = [tuple(line.split()) for line in lines]
    return [(e[0], e[1], e[2]) for e in entries if len(e) == 3 and is_name(e[2])]


def published(folder: Path) -> list[str]:
    """Return the versions that were published and still stand on disk, the one last made live last."""
    last = {name: number for number, (_, _, name) in enumerate(journal(folder))}
    if not last:  # the journal is gone; what stands there whole is all there is to go by
        last = {path.name: sequence_of(path.name) for path in (folder / "versions").glob("*-*") if is_name(path.name)}
    return sorted((name for name in last if path_of(folder, name).is_dir()), key=lambda name: last[name])


def next_sequence(folder: Path) -> int:
    """Return a sequence number above every one ever used here."""
    used = [name for _, _, name in journal(folder)]
    used += [path.name for path in (folder / "versions").glob("*-*") if is_name(path.name)]
    return 1 + max(map(sequence_of, used), default=0)


def point(folder: Path, name: str, action: str) -> None:
    """Make ``name`` the live version: a line in PUBLISHED, then LIVE replaced; both are on the disk on return."""
    journal_file = folder / "PUBLISHED"
    with journal_file.open("a+b") as stream:
        stream.seek(0, os.SEEK_END)
        line = f"{now()} {action} {name}\n"
        torn = stream.tell() and not _ends_with_newline(journal_file)
        stream.write(("\n" + line if torn else line).encode())
        stream.flush()
        os.fsync(stream.fileno())
    disk.write(folder / "LIVE", name + "\n")


def _ends_with_newline(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def clean(folder: Path) -> None:
    """Remove what crashed builders left; the caller holds the lock, so nobody is building."""
    for leftover in (folder / "versions").glob(".*"):
        shutil.rmtree(leftover, ignore_errors=True)
    known = {name for _, _, name in journal(folder)}
    for path in (folder / "versions").glob("*-*") if known else ():
        if is_name(path.name) and path.name not in known and path.name != live(folder):
            disk.remove(path)


@contextlib.contextmanager
def locked(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the builder's lock; where another process has it, say who and wait.

    Raises ``IndexingError`` where the folder is moved away meanwhile: it must not come back.
    The lock belongs to the process: the system lets it go when the process ends, however it ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(folder / ".lock"), folder / ".lock-holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        try:
            who = holder.read_text("utf-8").strip()
        except OSError:
            who = "another process"
        say(f"Waiting: {who} is publishing into {folder}.")
        while not lock.is_locked:
            time.sleep(_LOOK_AGAIN)
            if not folder.is_dir():  # else the lock would make it anew
                raise IndexingError(f"{folder} is gone; nothing was published there.") from None
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=0)
    try:
        holder.write_text(f"process {os.getpid()} (since {now()})", "utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


class Place:
    """Where versions are published: ``folder``. A Chroma server (``server.py``) is another; ``folder`` is its copy."""

    def __init__(self, folder: Path) -> None:
        """Remember the folder."""
        self.folder = folder

    def follow(self) -> None:
        """Bring the folder's history and live version up to date with what was published from elsewhere."""

    def complete(self) -> None:
        """Bring the whole folder up to date, older versions too."""

    def fetch_older(self) -> bool:
        """Fetch an older version that the folder lacks; return whether there was one."""
        return False

    def begin(self) -> None:
        """Make ready to publish; the caller holds the builder's lock."""
        clean(self.folder)

    def add(self, name: str, say: Callable[[str], None]) -> None:
        """Take in the version just built in the folder; it is not live yet."""

    def point(self, name: str, action: str) -> None:
        """Make ``name`` the live version."""
        point(self.folder, name, action)

    def remove(self, name: str) -> None:
        """Remove a version that is not live."""
        disk.remove(path_of(self.folder, name))
