"""Several guides on one real server: each answers from its own text, with its own settings, whatever the others do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import served

from advisor_bot.errors import SettingsError
from advisor_bot.index.publish import publish, read_guide
from advisor_bot.settings import Settings
from advisor_bot.web.guides import Guides
from advisor_bot.web.serve import guides_of

FEES = "# Fees at Harrow\n\n## Tuition\n\nTuition is 450 euros a term. It is due on 1 October.\n"
THESIS = "# Theses at Harrow\n\n## Length\n\nA master's thesis has 60 to 80 pages.\n"
DUE = "How much is the tuition a term?"
PAGES = "How many pages does a master's thesis have?"


def put(folder: Path, name: str, text: str, own: str = "") -> Path:
    """Publish ``text`` as the guide ``name``, set as ``own`` says."""
    corpus = folder / name / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "guide.md").write_text(text, "utf-8")
    if own:
        (folder / name / "guide.env").write_text(own, "utf-8")
    settings = Settings(corpus=corpus, index=folder / name / ".advisor")
    publish(read_guide([corpus], settings).documents, settings, force=True)
    return folder / name


def several(folder: Path, **base: Any) -> Guides:
    read = partial(Settings.read, {f"ADVISOR_{key.upper()}": str(value) for key, value in base.items()})
    return guides_of(read(guides=folder), read)


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 180  # a busy machine takes its time
    while not true():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.05)


def quotes(url: str, name: str, question: str) -> str:
    answer = httpx.post(f"{url}/g/{name}/api/ask", json={"question": question}, timeout=60).raise_for_status().json()
    return " ".join(citation["quote"] for citation in answer["citations"])


def version(url: str, name: str) -> str:
    return str(httpx.get(f"{url}/health").json()["guides"].get(name, {}).get("version", ""))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, encoders: Path) -> Path:
    folder = tmp_path_factory.mktemp("guides")
    put(folder, "fees", FEES, "ADVISOR_CONTACT=Fees office <fees@harrow.example>\n")
    put(folder, "busy", FEES, "ADVISOR_RATE=1\nADVISOR_BURST=2\n")
    put(folder, "thesis", THESIS, "ADVISOR_ALLOWED_ORIGINS=https://thesis.example\n")
    put(folder, "private", FEES, "ADVISOR_PASSWORD=correct horse\n")
    put(folder, "broken", FEES, "ADVISOR_CONTACT=nobody\n")
    (folder / "Not A Name").mkdir()
    (folder / "Not A Name" / "guide.md").write_text(FEES)
    for manifest in (put(folder, "damaged", THESIS) / ".advisor").glob("versions/*/manifest.json"):
        manifest.write_text("{}")
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with served(several(folder)) as url:
        yield url


def test_each_guide_answers_from_its_own_text_alone(url: str) -> None:
    assert "450 euros" in quotes(url, "fees", DUE)
    assert "60 to 80 pages" in quotes(url, "thesis", PAGES)
    assert "450 euros" not in quotes(url, "thesis", DUE)


def test_what_cannot_be_served_is_said_and_stops_no_other(url: str, folder: Path, capfd: Any) -> None:
    several(folder).look()
    said = capfd.readouterr().err
    assert "The guide broken is not served: ADVISOR_CONTACT='nobody' cannot be used" in said
    assert "The guide Not A Name is not served: rename " in said
    assert "The guide damaged is not served: No version in " in said
    states = httpx.get(f"{url}/health").json()["guides"]
    assert [name for name, state in states.items() if state["live"]] == ["busy", "fees", "private", "thesis"]
    assert [name for name, state in states.items() if not state["live"]] == ["Not A Name", "broken", "damaged"]
    assert httpx.get(f"{url}/ready").status_code == 200


def test_the_list_links_to_every_guide_and_says_nothing_of_a_private_one(url: str) -> None:
    page = httpx.get(f"{url}/")
    assert '<a href="g/fees/">Fees at Harrow</a>' in page.text
    assert '<a href="g/private/">private</a>' in page.text
    assert "broken" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]


def test_an_address_without_a_guide_is_refused_in_the_one_shape(url: str) -> None:
    for path in ("/g/nobody/", "/g/broken/api/guide", "/g/", "/api/guide", "/g/../etc/passwd"):
        response = httpx.get(f"{url}{path}")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found"), path


def test_each_guide_has_its_own_contact_and_origins(url: str) -> None:
    contacts = {name: httpx.get(f"{url}/g/{name}/api/guide").json()["contact"] for name in ("fees", "thesis")}
    assert contacts == {"fees": {"name": "Fees office", "link": "mailto:fees@harrow.example"}, "thesis": None}
    framed = {name: httpx.get(f"{url}/g/{name}/widget").headers["content-security-policy"] for name in contacts}
    assert "https://thesis.example" in framed["thesis"]
    assert "https://thesis.example" not in framed["fees"]


def test_a_password_guards_its_own_guide_and_opens_no_other(url: str) -> None:
    with httpx.Client(base_url=url) as client:
        assert client.get("/g/fees/").status_code == 200
        assert client.get("/g/private/api/guide").status_code == 401
        signed_in = client.post("/g/private/sign-in", data={"password": "correct horse", "to": ""})
        assert signed_in.headers["location"] == "/g/private/"
        assert "Path=/g/private/" in signed_in.headers["set-cookie"]
        assert client.get("/g/private/api/guide").json()["title"] == "Fees at Harrow"


def test_a_visitor_who_asks_one_guide_too_often_may_still_ask_another(url: str) -> None:
    found = [httpx.get(f"{url}/g/busy/api/guide").status_code for _ in range(5)]
    assert found.count(429) >= 2
    assert httpx.get(f"{url}/g/fees/api/guide").status_code == 200


def test_metrics_name_the_guide_and_its_own_show_no_other(url: str) -> None:
    for name, question in (("fees", DUE), ("thesis", PAGES)):
        quotes(url, name, question)
    everything = httpx.get(f"{url}/metrics").text
    assert 'advisor_guide_served{guide="broken"} 0.0' in everything
    assert 'advisor_guide_served{guide="fees"} 1.0' in everything
    assert everything.count("# TYPE advisor_answers_total counter") == 1
    for name in ("fees", "thesis"):
        assert f'advisor_guide{{guide="{name}",version="{version(url, name)}"}} 1.0' in everything
    own = httpx.get(f"{url}/g/fees/metrics").text
    assert 'guide="fees"' in own
    assert 'guide="thesis"' not in own


def test_models_that_are_the_same_are_in_memory_once(folder: Path) -> None:
    guides = several(folder)
    hosted = guides.look()
    readers = set()
    for name in ("fees", "thesis"):
        with hosted[name].advisor.versions.lease() as guide:
            readers.add(id(guide.models.reader))
    assert len(readers) == 1


# --- while it runs ----------------------------------------------------------------------------------------------


def test_publishing_one_guide_swaps_that_one_only(tmp_path: Path, encoders: Path) -> None:
    for name, text in (("fees", FEES), ("thesis", THESIS)):
        put(tmp_path, name, text)
    with served(several(tmp_path)) as url:
        before = {name: version(url, name) for name in ("fees", "thesis")}
        put(tmp_path, "fees", FEES.replace("450", "475"))
        until(lambda: version(url, "fees") != before["fees"])
        assert "475 euros" in quotes(url, "fees", DUE)
        assert version(url, "thesis") == before["thesis"]


def test_a_folder_that_comes_is_served_and_one_that_goes_is_not(tmp_path: Path, encoders: Path, capfd: Any) -> None:
    put(tmp_path, "fees", FEES)
    with served(several(tmp_path)) as url:
        put(tmp_path, "thesis", THESIS)
        until(lambda: bool(version(url, "thesis")))
        assert "60 to 80 pages" in quotes(url, "thesis", PAGES)
        (tmp_path / "thesis").rename(tmp_path / ".thesis")
        until(lambda: httpx.get(f"{url}/g/thesis/").status_code == 404)
        assert "450 euros" in quotes(url, "fees", DUE)
    assert "The guide thesis is not served any more" in capfd.readouterr().err


def test_what_a_publishing_left_of_a_folder_that_went_is_no_guide(tmp_path: Path, encoders: Path) -> None:
    put(tmp_path, "fees", FEES)
    (tmp_path / "thesis" / ".advisor" / "versions").mkdir(parents=True)
    assert list(several(tmp_path).look()) == ["fees"]
    (tmp_path / "fees" / "corpus" / "guide.md").unlink()
    (tmp_path / "fees" / "corpus").rmdir()
    assert list(several(tmp_path).look()) == ["fees"]  # brought published, without its files


def test_a_guide_is_set_anew_while_it_runs_and_a_mistake_changes_nothing(
    tmp_path: Path, encoders: Path, capfd: Any
) -> None:
    own = put(tmp_path, "fees", FEES) / "guide.env"
    with served(several(tmp_path)) as url:

        def contact() -> Any:
            return httpx.get(f"{url}/g/fees/api/guide").json()["contact"]

        own.write_text("ADVISOR_CONTACT=Fees office <https://harrow.example/fees>\n")
        until(lambda: contact() == {"name": "Fees office", "link": "https://harrow.example/fees"})
        own.write_text("ADVISOR_PORT=80\n")
        until(lambda: "stays as it was set before" in capfd.readouterr().err)
        assert contact()["name"] == "Fees office"


def test_a_server_under_a_path_prefix_shows_its_guides_there(tmp_path: Path, encoders: Path) -> None:
    put(tmp_path, "fees", FEES)
    with served(several(tmp_path, root_path="/advice")) as url:
        for passed_on in ("/advice", ""):
            assert "Fees at Harrow" in httpx.get(f"{url}{passed_on}/").text
            assert httpx.get(f"{url}{passed_on}/g/fees/api/guide").json()["title"] == "Fees at Harrow"
        assert httpx.get(f"{url}/g/fees").headers["location"].endswith("/advice/g/fees/")


def test_a_setting_that_would_mix_the_guides_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ADVISOR_JOURNAL would mix"):
        several(tmp_path, journal="sqlite:///journal.db")
    with pytest.raises(SettingsError, match="is no folder"):
        several(tmp_path / "nowhere")


def test_commands_with_a_guides_index_follow_its_own_settings(tmp_path: Path) -> None:
    own = tmp_path / "fees" / "guide.env"
    own.parent.mkdir()
    own.write_text("ADVISOR_KEEP=2\n")
    environ = {"ADVISOR_KEEP": "9"}
    assert Settings.read(environ, index=own.parent / ".advisor").keep == 2
    assert Settings.read(environ, index=own.parent / ".advisor", keep=3).keep == 3
    assert Settings.read(environ, index=tmp_path / ".advisor").keep == 9
    own.write_text("ADVISOR_HOST=0.0.0.0\n")
    with pytest.raises(SettingsError, match="ADVISOR_HOST is set for the whole server"):
        Settings.read(environ, index=own.parent / ".advisor")
