"""The owner's color and logo in what the server sends: every page, the icon, the widget and its button."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from advisor_bot.answers.advisor import Advisor
from advisor_bot.errors import SettingsError
from advisor_bot.pages import look
from advisor_bot.settings import Settings
from advisor_bot.web import app as serve

BRAND = ":root { --brand: #8a1f3d }"


def client(advisor: Advisor, settings: Settings) -> TestClient:
    return TestClient(serve.create_app(advisor, settings), base_url="http://advice.example")


@pytest.fixture(scope="module")
def colored(advisor: Advisor, published: Path) -> TestClient:
    return client(advisor, Settings(index=published, color="#8a1f3d"))


@pytest.fixture(scope="module")
def plain(advisor: Advisor, published: Path) -> TestClient:
    return client(advisor, Settings(index=published))


def test_the_color_comes_with_the_page_and_with_every_other_pages_style(colored: TestClient) -> None:
    assert BRAND in colored.get("/").text.split("</head>")[0]
    style = colored.get("/ui/tokens.css")
    assert BRAND in style.text
    assert (style.headers["content-type"], style.headers["cache-control"]) == ("text/css; charset=utf-8", "no-cache")
    assert "#8a1f3d" in colored.get("/ui/icon.svg").text


def test_the_widget_and_its_button_have_it(colored: TestClient) -> None:
    assert 'href="ui/brand.css"' in colored.get("/widget").text
    assert BRAND in colored.get("/ui/brand.css").text
    assert "--advisor-accent,#8a1f3d" in colored.get("/widget.js").text


def test_without_a_color_nothing_changes(plain: TestClient) -> None:
    assert "--brand" not in plain.get("/ui/tokens.css").text
    assert "brand.css" not in plain.get("/widget").text
    assert "--advisor-accent,#0b6b5d" in plain.get("/widget.js").text
    assert "#0b6b5d" in plain.get("/ui/icon.svg").text


SVG = """<?xml version="1.0"?><!-- ours --><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 30">
<script>document.title = "taken"</script><rect width="90" height="30" fill="#8a1f3d"/></svg>"""


def picture(file: Path, size: tuple[int, int] = (60, 40)) -> Path:
    Image.new("RGB", size, "#8a1f3d").save(file)
    return file


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.png", "image/png"), ("a.jpg", "image/jpeg"), ("a.webp", "image/webp"), ("a.gif", "image/gif")],
)
def test_a_picture_is_served_as_what_it_is_whatever_its_name(tmp_path: Path, name: str, kind: str) -> None:
    named = picture(tmp_path / name).rename(tmp_path / "logo")
    logo = look.logo(Settings(logo=named))
    assert logo
    assert (logo.kind, logo.size, logo.body) == (kind, (60, 40), named.read_bytes())


def test_page_and_widget_show_the_logo_and_a_new_one_has_a_new_address(
    advisor: Advisor, published: Path, tmp_path: Path
) -> None:
    shown = []
    for width in (60, 61):
        settings = Settings(index=published, logo=picture(tmp_path / "logo.png", (width, 40)))
        logo = look.logo(settings)
        assert logo
        served = client(advisor, settings)
        sent = served.get(f"/{logo.address}")
        assert (sent.content, sent.headers["content-type"]) == (logo.body, "image/png")
        assert "immutable" in sent.headers["cache-control"]
        assert logo.element in served.get("/").text
        assert logo.element in served.get("/widget").text
        shown.append(logo.address)
    assert shown[0] != shown[1]


def test_no_script_of_an_svg_can_run_at_its_address(advisor: Advisor, published: Path, tmp_path: Path) -> None:
    file = tmp_path / "logo.svg"
    file.write_text(SVG, "utf-8")
    settings = Settings(index=published, logo=file)
    logo = look.logo(settings)
    assert logo
    assert logo.size == (90, 30)
    headers = client(advisor, settings).get(f"/{logo.address}").headers
    assert headers["content-type"] == "image/svg+xml"
    assert headers["content-security-policy"].split("; ")[0] == "default-src 'none'"
    assert headers["content-security-policy"].endswith("; sandbox")
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"a" * 150_000, "has 150 KB, and every visitor waits for it; save it smaller"),
        (b"<html><svg></svg></html>", "is no picture that browsers show"),
        (b"", "is no picture that browsers show"),
    ],
)
def test_what_cannot_be_a_logo_is_refused_with_the_reason(tmp_path: Path, body: bytes | None, why: str) -> None:
    file = tmp_path / "logo.png"
    if body is not None:
        file.write_bytes(body)
    with pytest.raises(SettingsError) as told:
        look.logo(Settings(logo=file))
    assert str(told.value).startswith(f"ADVISOR_LOGO='{file}' {why}. ")


@pytest.mark.parametrize(
    "address", ["https://www.example.edu/logo.png", "//example.edu/l.png", "data:image/png;base64,"]
)
def test_an_address_is_no_logo_since_visitors_would_ask_another_site(address: str) -> None:
    with pytest.raises(SettingsError, match=r"ADVISOR_LOGO=.* cannot be used: save the picture as a file"):
        Settings.read({"ADVISOR_LOGO": address})
