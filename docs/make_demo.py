"""Remakes the README's short film from the running program: ``.venv/bin/python docs/make_demo.py [--index DIR]``.

A phone: a question is typed and answered, a marker opens the guide at the quoted sentence, and the talk goes on.
"""

from __future__ import annotations

import io

from make_pictures import PICTURES, chromium, index_folder, opened, server
from PIL import Image
from playwright.sync_api import Page

WIDTH, HEIGHT = 390, 700
LARGEST = 1_500_000  # bytes
QUESTION, FOLLOW_UP = "i work full time, can i still do this", "what does it cost?"
KEY, LOOK, READ = 70, 900, 2600  # ms: a frame of typing, a glance, time to read


class Film:
    """The frames of a page, each with how long it is shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.times: list[int] = []

    def show(self, milliseconds: int) -> None:
        """Take a frame that is shown for so long."""
        frame = Image.open(io.BytesIO(self.page.screenshot(caret="initial"))).convert("RGB")
        self.frames.append(frame)
        self.times.append(milliseconds)

    def write(self, text: str) -> None:
        """Type ``text``, two letters a frame."""
        field = self.page.get_by_role("textbox", name="Your question")
        field.click()
        for end in range(2, len(text) + 2, 2):
            field.press_sequentially(text[end - 2 : end])
            self.show(KEY)
        self.show(LOOK // 2)

    def ask(self, text: str) -> None:
        """Type ``text``, send it, and show the answer."""
        self.write(text)
        self.page.keyboard.press("Enter")
        self.page.locator(".turn", has_text=text).locator(".actions").wait_for()
        self.page.evaluate("document.activeElement.blur()")
        self.page.wait_for_timeout(400)
        self.show(READ)

    def glide(self, script: str, steps: int = 8) -> None:
        """Do what ``script`` does, showing some frames of it."""
        self.page.evaluate(script)
        for _ in range(steps):
            self.page.wait_for_timeout(30)
            self.show(40)


def play(film: Film) -> None:
    film.show(2 * LOOK)
    film.ask(QUESTION)
    film.glide("document.querySelector('.marker').click()")
    film.page.wait_for_selector("mark.now")
    film.page.wait_for_timeout(600)
    film.show(READ)
    film.glide("history.back()")
    film.page.wait_for_timeout(400)
    film.show(LOOK)
    film.ask(FOLLOW_UP)


def main() -> None:
    index = index_folder(__doc__)
    with server(index) as url, chromium() as browser:
        page = opened(browser, url, WIDTH, HEIGHT, "light")
        page.emulate_media(reduced_motion="no-preference")
        film = Film(page)
        play(film)
    first, *rest = film.frames
    for quality in (80, 60, 40, 25):
        made = io.BytesIO()
        first.save(
            made, "WEBP", save_all=True, append_images=rest, duration=film.times, loop=0, quality=quality, method=6
        )
        if made.tell() <= LARGEST:
            break
    (PICTURES / "demo.webp").write_bytes(made.getvalue())
    seconds = sum(film.times) / 1000
    print(f"docs/pictures/demo.webp  {made.tell() // 1000} kB, {len(film.frames)} frames, {seconds:.0f} s")


if __name__ == "__main__":
    main()
