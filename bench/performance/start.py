"""How soon there is an answer: whole processes, each as a multiple of importing sentence-transformers."""

from __future__ import annotations

import json
import runpy
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from performance.common import QUESTION, ROOT, Figures, Sizes, call, environ, published, say

GOALS = {"first answer over the API": 0.4, "chat page usable": 0.7, "ask": 0.4, "--help": 0.06, "--version": 0.06}
UNIT = "import sentence_transformers"
PACKAGES = "gradio torch sentence_transformers transformers chromadb langchain_core onnxruntime fastapi".split()


def measure(sizes: Sizes) -> Figures:
    """Time each in turn, once to warm the disk's cache and then three times; compare the medians."""
    index = published("guide", ROOT / "corpus")
    with page() as opened:
        works = {
            UNIT: lambda: run("-c", UNIT),
            "--version": lambda: run("-m", "advisor_bot", "--version"),
            "--help": lambda: run("-m", "advisor_bot", "--help"),
            "ask": lambda: run("-m", "advisor_bot", "ask", QUESTION, "--index", str(index)),
            "first answer over the API": lambda: serve(
                index, lambda url: call(f"{url}/api/ask", {"question": QUESTION})
            ),
        }
        if opened:
            works["chat page usable"] = lambda: serve(index, opened)
        seconds = in_turn(works, 1 if sizes.quick else 3)
    unit = statistics.median(seconds[UNIT])
    rows = {
        name: {"seconds": statistics.median(times), "ratio": statistics.median(times) / unit, "goal": GOALS.get(name)}
        for name, times in seconds.items()
    }
    return {"rows": rows, "all": seconds, "no browser": opened is None, "imports": heaviest(index)}


def in_turn(works: dict[str, Callable[[], float]], times: int) -> dict[str, list[float]]:
    """Return the seconds of every one of ``works``, taken in turn, the first round left out."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(times + 1):
        for name, work in works.items():
            took = work()
            if turn:
                seconds[name].append(took)
        say(f"round {turn + 1} of {times + 1}")
    return seconds


def run(*arguments: str) -> float:
    """Return the seconds of a whole Python process."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environ(), check=True, capture_output=True)
    return time.perf_counter() - began


def serve(index: Path, use: Callable[[str], Any]) -> float:
    """Return the seconds from starting a server to the end of ``use``, which is given its address."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", "0", "--index", str(index)],
        cwd=ROOT, env=environ(), text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout
        use(process.stdout.readline().split()[2])
        return time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def page() -> Iterator[Callable[[str], Any] | None]:
    """Lend what opens the chat page in a waiting Chromium until a question can be typed; None without Chromium."""
    try:
        from playwright.sync_api import sync_playwright

        path = runpy.run_path(str(ROOT / "scripts" / "chromium.py"))["find_chromium"]()
    except ImportError:
        path = None
    if not path:
        say("no Chromium: the chat page is left out")
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])

        def opened(url: str) -> None:
            visitor = browser.new_page()
            visitor.goto(url, wait_until="commit")
            visitor.wait_for_selector("body.advisor-ready", timeout=120_000)
            visitor.wait_for_selector("#question textarea", state="visible", timeout=120_000)
            visitor.close()

        yield opened
        browser.close()


def heaviest(index: Path) -> dict[str, Any]:
    """Return which of the heavy packages an `ask` imports, with the ten slowest imports in milliseconds."""
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "advisor_bot",
        "ask",
        QUESTION,
        "--index",
        str(index),
        "--json",
    ]
    done = subprocess.run(command, cwd=ROOT, env=environ(), check=True, capture_output=True, text=True)
    own: dict[str, float] = {}
    names: set[str] = set()
    for line in done.stderr.splitlines():
        if line.startswith("import time:") and line.split("|")[0].split(":")[1].strip().isdigit():
            mine, _, name = line.removeprefix("import time:").split("|")
            names.add(name.strip())
            package = name.strip().split(".")[0]
            own[package] = own.get(package, 0.0) + int(mine) / 1000
    slowest = sorted(own.items(), key=lambda one: -one[1])[:10]
    json.loads(done.stdout)
    return {"imported": [one for one in PACKAGES if one in names], "slowest, ms": dict(slowest)}
