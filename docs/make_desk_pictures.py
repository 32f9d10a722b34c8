"""Makes the pictures of the owner's desk: ``.venv/bin/python docs/make_desk_pictures.py``; on a guide of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from make_pictures import ROOT, chromium, save, server
from playwright.sync_api import Browser, Page

PASSWORD = "only for these pictures"
OLD, NEW = "grow over 20% faster than average", "grow over 25% faster than average"
MORE = "\n## Can I study part-time?\n\nMost programs can be studied part-time, in twice the time.\n"


def signed_in(browser: Browser, url: str, width: int, height: int, scheme: str) -> Page:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.set_default_timeout(300_000)
    page.goto(f"{url}owner")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Versions").wait_for()
    return page


def take(browser: Browser, url: str, text: str) -> None:
    page = signed_in(browser, url, 1100, 860, "light")
    save(page, "desk")
    page.get_by_label("Files").set_input_files(
        [{"name": "guide.md", "mimeType": "text/markdown", "buffer": (text.replace(OLD, NEW) + MORE).encode()}]
    )
    page.get_by_role("button", name="Show what would change").click()
    page.locator("#preview").wait_for()
    save(page, "desk-preview")
    save(signed_in(browser, url, 390, 860, "dark"), "desk-phone")
    page.set_viewport_size({"width": 1100, "height": 1660})
    page.goto(f"{url}owner/widget?label=Ask+the+guide&position=right&accent=%238a1f3d")
    page.frame_locator("#picture").locator("button.launcher").click()
    page.frame_locator("#picture").frame_locator("iframe").get_by_label("Your question").wait_for()
    save(page, "desk-widget")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="college-") as temporary:
        guide = Path(temporary, "guide", "guide.md")
        guide.parent.mkdir()
        shutil.copyfile(ROOT / "corpus" / "guide.md", guide)
        cases = (ROOT / "corpus" / "cases.jsonl").read_text("utf-8").splitlines(keepends=True)
        guide.with_name("cases.jsonl").write_text("".join(cases[:40]), "utf-8")
        os.environ |= {"ADVISOR_OWNER_PASSWORD": PASSWORD, "ADVISOR_CORPUS": str(guide.parent)}
        with server(Path(temporary, "index")) as url, chromium() as browser:
            take(browser, url, guide.read_text("utf-8"))


if __name__ == "__main__":
    main()
