"""What the parts share: timing, percentiles, memory of a process, a server as its own process, progress."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".advisor" / "bench"
QUESTION = "Which specializations pay the most?"
Figures = dict[str, Any]


@dataclass(frozen=True)
class Sizes:
    """How much a run measures. ``data``: a folder of public question sets, None where there is none."""

    quick: bool
    data: Path | None
    asks: int
    minutes: float
    passages: tuple[int, ...]


def say(text: str) -> None:
    """Show progress at once."""
    print(f"  {time.strftime('%H:%M:%S')}  {text}", flush=True)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return how many milliseconds ``work`` took, and what it returned."""
    began = time.perf_counter()
    found = work()
    return (time.perf_counter() - began) * 1000, found


def spread(values: Sequence[float]) -> Figures:
    """Return median, 95th and 99th percentile and the number of values."""
    ranked = sorted(values)
    at = {f"p{share}": ranked[min(len(ranked) - 1, len(ranked) * share // 100)] for share in (95, 99)} if ranked else {}
    return {"n": len(ranked), "median": statistics.median(ranked) if ranked else None, **at}


def megabytes(pid: int | str = "self", what: str = "VmRSS") -> float:
    """Return the resident memory of a process (``VmHWM``: the most it ever had), 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(what + ":")), 0.0)


def handles(pid: int) -> int:
    """Return how many files a process holds open, 0 where the system does not tell."""
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0


def environ(**settings: str) -> dict[str, str]:
    """Return the environment without anybody's own settings, no limit per address (all calls come from one)."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ADVISOR_")}
    if cache := os.environ.get("ADVISOR_CACHE"):
        kept["ADVISOR_CACHE"] = cache
    return kept | {"ADVISOR_RATE": "0", "ADVISOR_LOG_LEVEL": "warning", **settings}


def publish(docs: Path, index: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Publish ``docs`` with the command, in a process of its own."""
    command = [sys.executable, str(ROOT / "ingest.py"), str(docs), "--index", str(index), *options]
    return subprocess.run(command, cwd=ROOT, env=environ(), capture_output=True, text=True, check=False)


def published(name: str, docs: Path) -> Path:
    """Return an index of ``docs``, published once and kept for the next run."""
    index = WORK / name
    say(f"publishing {name}" if not (index / "LIVE").exists() else f"{name} was published before; what changed is new")
    done = publish(docs, index)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["ingest.py failed"])[-1])
    return index


@contextmanager
def serving(index: Path, **settings: str) -> Iterator[tuple[str, int]]:
    """Run a server over ``index`` and lend its address and the number of its process."""
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", "0", "--index", str(index)],
        cwd=ROOT, env=environ(**settings), text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout
        words = process.stdout.readline().split()
        if len(words) < 3:
            raise RuntimeError("the server did not start; `python app.py` says why")
        yield words[2], process.pid
    finally:
        process.terminate()
        process.wait(60)


def call(url: str, body: Any = None, seconds: float = 60) -> Any:
    """Return what ``url`` answers, as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=seconds) as response:
        return json.load(response)


def questions(file: Path = ROOT / "corpus" / "cases.jsonl") -> list[str]:
    """Return the questions of a file that were asked without anything before them."""
    rows = [json.loads(line) for line in file.open(encoding="utf-8") if line.strip()]
    return [
        row["question"] for row in rows if row.get("question") and not (row.get("history") or row.get("conversation"))
    ]


def evenly(items: Sequence[Any], most: int) -> list[Any]:
    """Return at most ``most`` items, spread over all of them."""
    return list(items[:: max(1, len(items) // most)][:most])


def machine() -> Figures:
    """Describe the machine and what runs on it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    packages = "onnxruntime chromadb langchain-core gradio fastapi sentence-transformers torch numpy".split()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory GiB": round(memory, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }
