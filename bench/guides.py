"""What several guides on one server take: memory, the swap of one, and how the others answer meanwhile.

    python bench/guides.py [--guides 1 10] [--corpus corpus]

Each guide is the same corpus under a title of its own, so every one has its own text, vectors and token states.
Needs Linux, for the memory of a process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
QUESTION = "Which specializations pay the most?"


def call(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def publish(guide: Path) -> None:
    command = [sys.executable, "ingest.py", str(guide / "corpus"), "--index", str(guide / ".advisor"), "--force"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def rewrite(guide: Path, line: str) -> None:
    first = min((guide / "corpus").glob("**/*.md"))
    first.write_text(first.read_text("utf-8") + f"\n\n## Added\n\n{line}\n", "utf-8")


def megabytes(pid: int) -> tuple[float, float]:
    """Return the resident memory of a process, and how much of it is its own and no file's."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("Rss", "VmRSS"))}
    return int(found["VmRSS"]) / 1024, int(found["RssAnon"]) / 1024


def settled(pid: int) -> tuple[float, float]:
    """Return the memory once what is made ready for later is ready: three looks, two seconds apart, that agree."""
    seen: list[tuple[float, float]] = []
    while len(seen) < 3 or max(s[1] for s in seen[-3:]) - min(s[1] for s in seen[-3:]) > 2:
        time.sleep(2)
        seen.append(megabytes(pid))
    return seen[-1]


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, int, float]]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("ADVISOR_")} | {"ADVISOR_RATE": "0"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", "0", *arguments],
        cwd=ROOT, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout
        url = process.stdout.readline().split()[2]
        yield url, process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(60)


def took(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def swap(url: str, guide: Path, others: list[str]) -> tuple[float, list[float]]:
    """Publish ``guide`` anew; return how long the server took to see it, and how long the others' answers took."""
    live, before, times = guide / ".advisor" / "LIVE", call(f"{url}/g/{guide.name}/ready")["version"], []
    stamp = live.stat().st_mtime
    rewrite(guide, f"The office moved on day {time.time():.0f}.")
    publish(guide)
    while call(f"{url}/g/{guide.name}/ready")["version"] == before:
        times.append(took(lambda: call(f"{url}/g/{others[len(times) % len(others)]}/api/ask", {"question": QUESTION})))
    assert live.stat().st_mtime != stamp
    return time.time() - live.stat().st_mtime, times


def measure(folder: Path, corpus: Path, number: int) -> None:
    guides = [folder / f"guide-{n}" for n in range(number)]
    for guide in guides:
        if not guide.exists():
            shutil.copytree(corpus, guide / "corpus", ignore=shutil.ignore_patterns("cases.jsonl"))
            rewrite(guide, f"This is {guide.name}.")
            publish(guide)
    with serving("--guides", str(folder)) as (url, pid, began):
        resident, own = settled(pid)
        for guide in guides:
            call(f"{url}/g/{guide.name}/api/ask", {"question": QUESTION})
        after, _ = settled(pid)
        line = f"{number:3} guides: serving after {began:.1f} s, {resident:.0f} MB resident ({own:.0f} MB its own)"
        print(f"{line}, {after:.0f} MB after an answer of each", flush=True)
        answers = [
            took(lambda g=g: call(f"{url}/g/{g.name}/api/ask", {"question": QUESTION})) for g in guides for _ in "xx"
        ]
        print(f"    an answer: median {1000 * median(answers):.0f} ms, slowest {1000 * max(answers):.0f} ms")
        if number > 1:
            swaps = [swap(url, guide, [g.name for g in guides if g != guide]) for guide in guides[:5]]
            seen, between = [s for s, _ in swaps], [t for _, times in swaps for t in times]
            print(f"    a swap is seen after: median {median(seen):.1f} s, slowest {max(seen):.1f} s")
            if between:
                print(f"    the others' answers meanwhile: slowest {1000 * max(between):.0f} ms of {len(between)}")
            print(f"    {settled(pid)[0]:.0f} MB resident after five swaps")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guides", type=int, nargs="+", default=[1, 10], help="how many, in turn")
    parser.add_argument("--corpus", type=Path, default=ROOT / "corpus")
    given = parser.parse_args()
    for number in given.guides:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), given.corpus, number)


if __name__ == "__main__":
    main()
