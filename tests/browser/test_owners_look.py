"""The owner's color and logo as Chromium shows them: read easily in light and dark, and each guide in its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.conftest import Open, Server
from browser.test_access import problems
from browser.test_widget_page import LINE, Site, host
from PIL import Image
from playwright.sync_api import Browser, Locator, Page
from web.test_guides import FEES, THESIS, put

from advisor_bot.contrast import LEAST, contrast
from advisor_bot.pages import look
from advisor_bot.settings import Settings

# Every hue as pale as it may be, a deep one, and no hue at all.
COLORS = ["#8a1f3d", "#dd0029", "#bb4a00", "#866b00", "#007d00", "#00798c", "#186ad7", "#8242e6", "#0000ff", "#000000"]
# What stands on what.
PAIRS = [("accent", ground) for ground in ("paper", "sheet", "raised", "accent-wash")] + [
    ("on-accent", "accent"),
    ("ink", "accent-wash"),
    ("soft", "accent-wash"),
    ("ink", "target"),
]
BACKGROUND = """element => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d");
  canvas.fillStyle = getComputedStyle(element).backgroundColor;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""


def background(of: Locator) -> str:
    return f"#{bytes(of.evaluate(BACKGROUND)).hex()}"


def shown(page: Page, name: str) -> str:
    page.evaluate("name => document.body.style.backgroundColor = `var(--${name})`", name)
    return background(page.locator("body"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("color", COLORS)
def test_words_in_and_on_an_owners_color_can_be_read(chromium: Browser, color: str, scheme: str) -> None:
    page = chromium.new_page()
    page.set_content(f"<style>body {{ color-scheme: {scheme} }} {look.tokens(Settings(color=color))}</style>")
    reached = {pair: contrast(shown(page, pair[0]), shown(page, pair[1])) for pair in PAIRS}
    assert {pair: ratio for pair, ratio in reached.items() if ratio < LEAST} == {}
    assert (shown(page, "accent") == color) == (scheme == "light")
    page.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    served = Site()
    with host.serving(served.find) as served.port:
        yield served


@pytest.fixture(scope="module")
def several(site: Site, encoders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("look")
    allowed = f"ADVISOR_ALLOWED_ORIGINS=http://127.0.0.1:{site.port}\n"
    put(folder, "fees", FEES, f"ADVISOR_COLOR=#8a1f3d\n{allowed}")
    logo = folder / ".logo.png"
    Image.new("RGB", (120, 40), "#8a1f3d").save(logo)
    put(folder, "thesis", THESIS, f"ADVISOR_LOGO={logo}\n{allowed}")
    server = Server(["--guides", str(folder)], {"ADVISOR_COLOR": "#0057b7"}).start()
    yield server
    server.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("guide", "color"), [("fees", "#8a1f3d"), ("thesis", "#0057b7")])
def test_each_guides_page_has_its_own_color_or_that_of_the_server(
    chromium: Browser, several: Server, guide: str, color: str, scheme: str
) -> None:
    page = chromium.new_page(color_scheme=scheme)
    page.goto(f"{several.url}g/{guide}/")
    page.wait_for_selector("body.advisor-ready")
    ask = page.get_by_role("button", name="Ask", exact=True)
    assert (background(ask) == color) == (scheme == "light")
    assert problems(page) == []
    page.close()


@pytest.mark.parametrize(("attributes", "color"), [("", "#8a1f3d"), ('data-accent="#003355"', "#003355")])
def test_the_widget_has_its_guides_color_unless_the_page_it_stands_on_names_another(
    chromium: Browser, several: Server, site: Site, attributes: str, color: str
) -> None:
    page = chromium.new_page(color_scheme="light")
    line = LINE.replace("https://HOST/", f"{several.url}g/fees/").format(attributes)
    page.goto(f"http://127.0.0.1:{site.port}{site.add(line)}")
    page.locator("advisor-chat .launcher").click()
    frame = page.frame_locator("advisor-chat iframe")
    frame.locator(".starters button").first.wait_for()
    assert background(page.locator("advisor-chat .launcher")) == color
    assert background(frame.locator(".send")) == color
    page.close()


def drawn(logo: Locator) -> tuple[int, int, float]:
    """Return the width and height of the picture, and the ratio in which it is shown."""
    width, height, ratio = logo.evaluate(
        "async logo => [await logo.decode(), logo.naturalWidth, logo.naturalHeight,"
        " logo.clientWidth / logo.clientHeight].slice(1)"
    )
    return width, height, ratio


def test_page_and_widget_show_the_guides_logo_beside_its_title(
    visit: Open, chromium: Browser, several: Server, site: Site
) -> None:
    opened = visit(f"{several.url}g/thesis/").page
    logo = opened.locator(".masthead .logo")
    assert drawn(logo)[:2] == (120, 40)
    assert drawn(logo)[2] == pytest.approx(2.67, abs=0.2)  # three to one, and its padding
    page = chromium.new_page()
    page.goto(
        f"http://127.0.0.1:{site.port}{site.add(LINE.replace('https://HOST/', f'{several.url}g/thesis/').format(''))}"
    )
    page.locator("advisor-chat .launcher").click()
    assert drawn(page.frame_locator("advisor-chat iframe").locator("header .logo"))[:2] == (120, 40)
    page.close()


def test_a_guide_without_a_logo_shows_none(visit: Open, several: Server) -> None:
    assert visit(f"{several.url}g/fees/").page.locator("img").count() == 0


@pytest.mark.parametrize(("width", "height"), [(390, 800), (320, 256)])
def test_a_logo_leaves_the_title_and_the_tools_their_room(
    visit: Open, several: Server, width: int, height: int
) -> None:
    page = visit(f"{several.url}g/thesis/", width=width, height=height).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    title, tools = page.locator("#guide-title").bounding_box(), page.locator(".masthead-tools").bounding_box()
    assert title
    assert tools
    assert title["width"] > 60
    assert title["x"] + title["width"] <= tools["x"]
    assert tools["x"] + tools["width"] <= width
