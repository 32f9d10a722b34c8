"""Files and folders written so that a crash at any moment leaves the old or the new, never half of either."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from pathlib import Path


def sync(path: Path) -> None:
    """Have the system write one file, or one folder's list of names, to the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open a folder
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(path: Path) -> None:
    """Have the system write everything under ``path`` to the disk."""
    for folder, _, files in os.walk(path):
        for name in files:
            sync(Path(folder, name))
        sync(Path(folder))


def write(file: Path, text: str) -> None:
    """Replace a small file at once; it is on the disk on return."""
    fresh = file.with_name(f".{file.name}")
    with fresh.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
    sync(file.parent)


def file_hash(file: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remove(path: Path) -> None:
    """Remove a folder so that it is never seen half removed: it loses its name first."""
    gone = path.with_name(f".gone-{path.name.lstrip('.')}-{time.monotonic_ns()}")
    with contextlib.suppress(OSError):
        path.rename(gone)
        path = gone
    shutil.rmtree(path, ignore_errors=True)
