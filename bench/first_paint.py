"""How soon the chat page can be used on a slow line: requests, bytes, and when its parts are seen.

python bench/first_paint.py [--index DIR | --url URL] [--runs 5] [--megabits 1.6] [--latency 150] [--list]

Opens the page in Chromium with an empty cache, the network throttled by the browser's own tools as in a phone test
(1.6 Mbit/s down, 0.75 up, 150 ms), and counts all that is loaded before anything is asked. Then opens it once more and
taps the first question offered as soon as it is seen: when did it leave the browser, when was the answer there?
"""

from __future__ import annotations

import argparse
import os
import pathlib
import runpy
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[1]
QUIET = 1500  # ms without a request, after which the page has loaded what it wants

# Notes, frame by frame, when each part can first be seen, and taps the first starter then if told to.
WATCH = """
window.seen = {};
const parts = {title: ".masthead h1", starters: ".starter", input: "#question textarea", answer: ".turn .actions"};
const look = () => {
  for (const [name, selector] of Object.entries(parts)) {
    const part = document.querySelector(selector);
    if (name in seen || !part?.checkVisibility({visibilityProperty: true}) || !part.getClientRects().length) continue;
    if (name === "title" && !part.textContent.trim()) continue;
    seen[name] = performance.now();
    if (name === "starters" && TAP) setTimeout(() => part.click());
  }
  requestAnimationFrame(look);
};
look();
"""


@dataclass
class Load:
    """What one visit loaded and when; times in ms from the start of the navigation."""

    requests: dict[str, tuple[str, float]] = field(default_factory=dict)  # id: address, bytes
    seen: dict[str, float] = field(default_factory=dict)

    @property
    def kilobytes(self) -> float:
        return sum(size for _, size in self.requests.values()) / 1000


@contextmanager
def server(index: pathlib.Path) -> Iterator[str]:
    command = [sys.executable, "app.py", "--port", "0", "--index", str(index)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[2] + "/"
        finally:
            process.terminate()


@contextmanager
def throttled(browser: Browser, megabits: float, latency: float, tap: bool) -> Iterator[tuple[Page, Load]]:
    """Lend an empty page of a browser that kept nothing, and what it will load."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, load = context.new_page(), Load()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    conditions = {"latency": latency, "downloadThroughput": megabits * 125_000, "uploadThroughput": 93_750}
    network.send("Network.emulateNetworkConditions", {"offline": False, **conditions})

    def sent(event: dict[str, Any]) -> None:
        load.requests[event["requestId"]] = (event["request"]["url"], 0.0)

    def finished(event: dict[str, Any]) -> None:
        url, _ = load.requests.get(event["requestId"], ("", 0.0))
        load.requests[event["requestId"]] = (url, event["encodedDataLength"])

    network.on("Network.requestWillBeSent", sent)
    network.on("Network.loadingFinished", finished)
    page.add_init_script(WATCH.replace("TAP", "true" if tap else "false"))
    yield page, load
    context.close()


def look(browser: Browser, url: str, megabits: float, latency: float) -> Load:
    """Open the page, ask nothing, and wait until it loads no more."""
    with throttled(browser, megabits, latency, tap=False) as (page, load):
        page.goto(url)
        page.wait_for_selector("body.advisor-ready", timeout=120_000)
        count = -1
        while count != len(load.requests):
            count = len(load.requests)
            page.wait_for_timeout(QUIET)
        load.seen = page.evaluate("seen")
        return load


def tap(browser: Browser, url: str, megabits: float, latency: float) -> Load:
    """Open the page and ask what it offers first, at once."""
    with throttled(browser, megabits, latency, tap=True) as (page, load):
        page.goto(url, wait_until="commit")
        page.wait_for_selector(".turn .actions", timeout=120_000)
        sent = "performance.getEntriesByType('resource').find((one) => one.name.endsWith('/api/ask/stream')).startTime"
        load.seen = page.evaluate("seen") | {"sent": page.evaluate(sent)}
        return load


def line(name: str, values: list[float]) -> str:
    return (
        f"{name:22} {statistics.median(values) / 1000:5.2f} s   ({min(values) / 1000:.2f} to {max(values) / 1000:.2f})"
    )


def report(looks: list[Load], taps: list[Load]) -> Iterator[str]:
    count = statistics.median(len(one.requests) for one in looks)
    size = statistics.median(one.kilobytes for one in looks)
    yield f"{'before a question':22} {count:.0f} requests, {size:.0f} KB"
    for part in ("title", "starters", "input"):
        yield line(f"{part} seen", [one.seen[part] for one in looks])
    yield line("tapped question sent", [one.seen["sent"] for one in taps])
    yield line("… and answered", [one.seen["answer"] for one in taps])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=pathlib.Path, default=ROOT / ".advisor")
    parser.add_argument("--url", help="a server that runs already")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--megabits", type=float, default=1.6)
    parser.add_argument("--latency", type=float, default=150)
    parser.add_argument("--list", action="store_true", help="also list what was loaded, in the last run")
    args = parser.parse_args()
    found = runpy.run_path(str(ROOT / "scripts" / "chromium.py"))
    path = found["find_chromium"]() or sys.exit(found["HELP"])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        with server(args.index) if not args.url else nullcontext(args.url) as url:
            look(browser, url, 100, 0)  # the server warms up
            looks = [look(browser, url, args.megabits, args.latency) for _ in range(args.runs)]
            taps = [tap(browser, url, args.megabits, args.latency) for _ in range(args.runs)]
        browser.close()
    for text in report(looks, taps):
        print(text)
    for address, size in looks[-1].requests.values() if args.list else ():
        print(f"{size / 1000:8.1f} KB  {address}")


if __name__ == "__main__":
    main()
