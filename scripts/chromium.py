"""Finds a Chromium that can run without a window: for the tests of the page and for its pictures."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MAC = ("Chromium", "Google Chrome", "Microsoft Edge")
HELP = (
    "No Chromium found, and the tests of the page need one. On Debian: apt install chromium. Elsewhere: install "
    "Chromium or Chrome, or run `.venv/bin/python -m playwright install chromium`, or name one with CHROMIUM=/path."
)


def find_chromium() -> str | None:
    """Return the path of a browser: ``CHROMIUM``, else one installed on the system, else Playwright's own."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    for name in NAMES:
        if found := shutil.which(name):
            return found
    on_mac = (Path(f"/Applications/{name}.app/Contents/MacOS/{name}") for name in MAC)
    return next((str(path) for path in (*on_mac, *_of_playwright()) if path.is_file()), None)


def _of_playwright() -> list[Path]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return []
    with sync_playwright() as playwright:
        return [Path(playwright.chromium.executable_path)]


if __name__ == "__main__":
    sys.exit(0 if find_chromium() else HELP)
