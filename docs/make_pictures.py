"""Remakes the README's pictures from the running program: ``.venv/bin/python docs/make_pictures.py [--index DIR]``."""

from __future__ import annotations

import argparse
import io
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
LARGEST = 300_000  # bytes
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
QUESTION = "Which specializations pay the most?"


def index_folder(description: str | None) -> Path | None:
    """Read the command line of a script that makes pictures."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, help="index folder; default .advisor beside corpus/")
    index: Path | None = parser.parse_args().index
    return index


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser found on this machine; exit with advice where there is none."""
    found = runpy.run_path(str(ROOT / "scripts" / "chromium.py"))
    path = found["find_chromium"]()
    if not path:
        sys.exit(found["HELP"])
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def server(index: Path | None) -> Iterator[str]:
    """Serve the guide on a free port and lend its address."""
    command = [sys.executable, "app.py", "--port", "0", *(["--index", str(index)] if index else [])]
    environ = os.environ | {"ADVISOR_CONTACT": "Study office <https://example.org/advice>"}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[2] + "/"
        finally:
            process.terminate()


def opened(browser: Browser, url: str, width: int, height: int, scheme: str) -> Page:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce")
    page.goto(url)
    page.wait_for_selector("body.advisor-ready")
    return page


def ask(page: Page, question: str) -> None:
    page.get_by_role("textbox", name="Your question").fill(question)
    page.keyboard.press("Enter")
    page.locator(".turn", has_text=question).locator(".actions").wait_for()


def save(page: Page, name: str) -> None:
    """Write the page as docs/pictures/NAME.png, with as many colors as fit into ``LARGEST`` bytes."""
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(400)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for colors in (256, 128, 64):
        written = io.BytesIO()
        picture.quantize(colors).save(written, "PNG", optimize=True)
        if written.tell() <= LARGEST:
            break
    (PICTURES / f"{name}.png").write_bytes(written.getvalue())
    print(f"docs/pictures/{name}.png  {written.tell() // 1000} kB")


def take(browser: Browser, url: str, scheme: str) -> None:
    page = opened(browser, url, 1360, 850, scheme)
    ask(page, QUESTION)
    page.locator(".marker").first.click()
    page.wait_for_selector("mark.now")
    save(page, f"chat-{scheme}")
    address = page.locator(".marker").first.get_attribute("href") or ""
    ask(page, "Compare NLP and computer vision")
    save(page, f"compare-{scheme}")
    page.goto(address)
    save(page, f"reader-{scheme}")
    phone = opened(browser, url, 390, 800, scheme)
    ask(phone, QUESTION)
    save(phone, f"phone-{scheme}")


def main() -> None:
    index = index_folder(__doc__)
    with server(index) as url, chromium() as browser:
        for scheme in ("light", "dark"):
            take(browser, url, scheme)


if __name__ == "__main__":
    main()
