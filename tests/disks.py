"""Folders that cannot be written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def unwritable(folder: Path, copy: Path) -> Iterator[Path]:
    """Show ``folder`` as ``copy`` where nobody can write: a read-only mount for root, else by permissions."""
    if os.geteuid():
        shutil.copytree(folder, copy)
        begin, end = [["chmod", "-R", "a-w", copy]], ["chmod", "-R", "u+w", copy]
    else:
        copy.mkdir()
        begin = [["mount", "--bind", folder, copy], ["mount", "-o", "remount,ro,bind", copy]]
        end = ["umount", "--lazy", copy]
    try:
        for command in begin:
            subprocess.run(command, check=True)
        yield copy
    finally:  # what stays mounted could not be cleaned away, and would fail later runs
        subprocess.run(end, check=True)
