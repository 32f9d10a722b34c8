"""An hour of everything at once, shortened: no visitor sees an error, memory and open files stay flat.

Two servers follow one index: one quotes, the other has a language model whose provider is dead. Meanwhile visitors ask,
stream and leave in the middle; the guide is published again and again, rolled back, and published onto a full disk.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from performance.common import ROOT, Figures, Sizes, call, handles, megabytes, publish, questions, say, serving

DEAD = "http://127.0.0.1:9/v1"  # the port that discards: nobody listens there
ROOM = 60_000_000  # bytes that the index's disk has beside a few versions
MODEL = {"ADVISOR_MODEL": "openai:nobody", "ADVISOR_MODEL_URL": DEAD, "OPENAI_API_KEY": "none"}


class Soak:
    """What happens, counted; ``wrong`` are errors that a visitor, or an owner against expectation, has seen."""

    def __init__(self, urls: list[str], corpus: Path, index: Path) -> None:
        self.urls, self.corpus, self.index = urls, corpus, index
        self.done, self.wrong = Counter[str](), Counter[str]()
        self.asked, self.stop, self.edition = questions(), threading.Event(), 0
        self.guide = next(corpus.glob("*.md"))
        self.text = self.guide.read_text("utf-8")

    def visitor(self, do: Callable[[str, str], None], name: str) -> None:
        """Be one visitor after the other, until told to stop."""
        chance = random.Random(name)
        while not self.stop.wait(chance.uniform(0.2, 1.0)):
            self.tried(name, lambda: do(chance.choice(self.urls), chance.choice(self.asked)))

    def tried(self, name: str, do: Callable[[], None]) -> None:
        try:
            do()
            self.done[name] += 1
        except (OSError, ValueError, RuntimeError, urllib.error.HTTPError) as error:
            self.wrong[f"{name}: {type(error).__name__}: {error}"[:200]] += 1

    # --- visitors -----------------------------------------------------------------------------------------------

    def asks(self, url: str, question: str) -> None:
        answer = call(f"{url}/api/ask", {"question": question})
        if not answer["text"]:
            raise ValueError("an answer without words")

    def streams(self, url: str, question: str) -> None:
        with opened(url, question) as response:
            kinds = [line[7:].strip() for line in response if line.startswith(b"event: ")]
        if b"error" in kinds or kinds[-1:] != [b"answer"]:
            raise ValueError(f"a stream of {kinds}")

    def leaves(self, url: str, question: str) -> None:
        with opened(url, question) as response:
            response.read(20)

    # --- the owner ----------------------------------------------------------------------------------------------

    def publishes(self) -> None:
        self.edit()
        self.expect(publish(self.corpus, self.index), 0)

    def rolls_back(self) -> None:
        self.expect(publish(self.corpus, self.index, "--rollback"), 0)

    def fills_the_disk(self) -> None:
        """Publish while nothing more can be written: one line says so, and the guide stays."""
        live = (self.index / "LIVE").read_text("utf-8")
        with full(self.index):
            self.edit()
            self.expect(publish(self.corpus, self.index), 1)
            for url in self.urls:
                self.asks(url, self.asked[0])
        if (self.index / "LIVE").read_text("utf-8") != live:
            raise ValueError("a full disk changed what is live")

    def edit(self) -> None:
        self.edition += 1
        self.guide.write_text(self.text + f"\n## Edition {self.edition}\n\nThis is edition {self.edition}.\n", "utf-8")

    def expect(self, done: subprocess.CompletedProcess[str], code: int) -> None:
        if done.returncode != code:
            raise RuntimeError(f"ingest.py ended with {done.returncode}: {done.stderr.strip()[-150:]}")


@contextmanager
def opened(url: str, question: str) -> Iterator[Any]:
    body = json.dumps({"question": question}).encode()
    request = urllib.request.Request(f"{url}/api/ask/stream", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        yield response


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Put ``folder`` on a small disk of its own where that is allowed (Linux, root); tell whether it was."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM * 4}", "tmpfs", str(folder)]
    own = hasattr(os, "geteuid") and os.geteuid() == 0 and not subprocess.run(mount, capture_output=True).returncode
    try:
        yield own
    finally:
        if own:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Leave a few kilobytes on the disk that ``folder`` is on."""
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(max(0, shutil.disk_usage(folder).free - 60_000)))
    try:
        yield
    finally:
        ballast.unlink()


def measure(sizes: Sizes) -> Figures:
    with tempfile.TemporaryDirectory() as scratch, small_disk(Path(scratch) / "index") as own:
        corpus, index = Path(scratch) / "corpus", Path(scratch) / "index"
        shutil.copytree(ROOT / "corpus", corpus, ignore=shutil.ignore_patterns("*.jsonl"))
        say("publishing the guide")
        if publish(corpus, index).returncode:
            raise RuntimeError("the guide could not be published")
        with serving(index) as (quotes, one), serving(index, **MODEL) as (dead, other):
            soak = Soak([quotes, dead], corpus, index)
            points = run(soak, sizes.minutes * 60, {"quotes": one, "dead provider": other}, disk=own)
    return {
        "minutes": sizes.minutes,
        "done": dict(soak.done),
        "wrong": dict(soak.wrong),
        "full disk": own,
        "points": points,
    }


def run(soak: Soak, seconds: float, processes: dict[str, int], *, disk: bool) -> list[Figures]:
    """Let everything happen; return memory and open files along the way, the last after all have gone."""
    visitors = [(soak.asks, "asks"), (soak.streams, "streams"), (soak.leaves, "leaves")] * 2
    threads = [
        threading.Thread(target=soak.visitor, args=(do, name), daemon=True, name=f"{name}-{n}")
        for n, (do, name) in enumerate(visitors)
    ]
    owner = threading.Thread(target=own_work, args=(soak, disk), daemon=True)
    for thread in (*threads, owner):
        thread.start()
    points, began = [], time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        points.append(looked(now, processes))
        if len(points) % 12 == 1:
            say(f"{now / 60:.1f} minutes: {soak.done.total()} done, {soak.wrong.total()} wrong")
        time.sleep(5)
    soak.stop.set()
    for thread in (*threads, owner):
        thread.join(120)
    time.sleep(8)
    points.append(looked(time.monotonic() - began, processes))
    say(f"{soak.done.total()} done, {soak.wrong.total()} wrong {dict(soak.wrong) if soak.wrong else ''}")
    return points


def own_work(soak: Soak, disk: bool) -> None:
    """Publish, roll back and fill the disk in turn."""
    works = [("publishes", soak.publishes), ("rolls back", soak.rolls_back), ("publishes", soak.publishes)]
    if disk:
        works.append(("fills the disk", soak.fills_the_disk))
    while not soak.stop.is_set():
        for name, work in works:
            soak.tried(name, work)
            if soak.stop.wait(2):
                return


def looked(now: float, processes: dict[str, int]) -> Figures:
    seen = {name: {"memory": megabytes(pid), "files": handles(pid)} for name, pid in processes.items()}
    return {"seconds": now, **seen}
