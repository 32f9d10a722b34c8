"""What is asked of the C libraries: a heap that keeps nothing it has freed, and products that stay in one thread.

The heap is glibc's; with another C library nothing happens.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os

_M_ARENA_MAX = -8  # in glibc's malloc.h


def multiply_in_one_thread() -> None:
    """Let numpy's products run in the thread that asks for them; to be called before numpy is imported.

    A question's are small: handing them to a second thread takes longer than they do, by far where cores are busy.
    What the owner has set counts more.
    """
    for name in ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(name, "1")


def keep_together() -> None:
    """Let glibc keep two arenas instead of one a thread: some 20 MB less with forty threads, nothing slower."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def give_back() -> None:
    """Collect garbage and give what is free back to the system rather than keep it for later."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
