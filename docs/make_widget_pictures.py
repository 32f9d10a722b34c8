"""Remakes the README's pictures of the widget: ``.venv/bin/python docs/make_widget_pictures.py [--index DIR]``.

Somebody else's pages (``examples/site``) are served on one port and the program on another.
"""

from __future__ import annotations

import os
import runpy

from make_pictures import QUESTION, ROOT, chromium, index_folder, save, server
from playwright.sync_api import Browser, FrameLocator, Page

HOST = runpy.run_path(str(ROOT / "examples" / "host.py"))


def visited(browser: Browser, url: str, width: int, height: int, scheme: str = "light", scale: int = 1) -> Page:
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
        device_scale_factor=scale,
    )
    page.goto(url)
    page.wait_for_function("window.AdvisorChat")
    return page


def frame_of(page: Page) -> FrameLocator:
    frame = page.frame_locator("advisor-chat iframe")
    frame.locator("html.advisor-ready").wait_for()
    return frame


def ask(frame: FrameLocator) -> None:
    frame.get_by_role("textbox", name="Your question").fill(QUESTION)
    frame.get_by_role("textbox", name="Your question").press("Enter")
    frame.locator(".actions").wait_for()


def take(browser: Browser, site: str) -> None:
    page = visited(browser, f"{site}/", 1240, 720)
    save(page, "widget-launcher")
    page.locator("advisor-chat .launcher").click()
    frame_of(page)
    save(page, "widget-open")
    page = visited(browser, f"{site}/inline.html", 1000, 900)
    ask(frame_of(page))
    save(page, "widget-inline")
    page = visited(browser, f"{site}/guide.html", 1240, 720, "dark")
    page.locator("advisor-chat .launcher").click()
    ask(frame_of(page))
    frame_of(page).locator(".marker").first.click()
    frame_of(page).locator(".sheet h3").first.wait_for()
    page.wait_for_function("CSS.highlights.size")
    save(page, "widget-dark")
    page = visited(browser, f"{site}/", 390, 780, scale=2)
    page.locator("advisor-chat .launcher").click()
    ask(frame_of(page))
    save(page, "widget-phone")


def main() -> None:
    index = index_folder(__doc__)
    chat = ""
    with HOST["serving"](lambda path: HOST["pages"](path, chat)) as port, chromium() as browser:
        os.environ["ADVISOR_ALLOWED_ORIGINS"] = f"http://127.0.0.1:{port}"
        with server(index) as chat:
            take(browser, f"http://127.0.0.1:{port}")


if __name__ == "__main__":
    main()
