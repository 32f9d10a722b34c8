"""The catalogue of the interface's words: complete, nothing left over, the page says nothing that is not in it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from advisor_bot.pages import strings
from advisor_bot.web.assets import WIDGET_SCRIPTS
from advisor_bot.web.widget import LOADER_WORDS

PACKAGE = Path(strings.__file__).parents[1]
SOURCES = [*PACKAGE.glob("**/*.py"), *PACKAGE.glob("static/**/*.js"), *PACKAGE.glob("templates/*.html")]
# Keys put together from parts: thumb_up, reason_wrong…
BUILT = {"thumb_": ("up", "down"), "reason_": ("wrong", "incomplete", "unclear", "other")}


def used() -> set[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    keys = set(re.findall(r"\bsay\(\s*[\"'](\w+)[\"']", text))
    keys |= {key for pair in re.findall(r"say\([^()]*\? \"(\w+)\" : \"(\w+)\"\)", text) for key in pair}
    keys |= {start + end for start, ends in BUILT.items() for end in ends}
    page = (PACKAGE / "templates" / "chat.html").read_text(encoding="utf-8")
    return keys | set(LOADER_WORDS) | set(re.findall(r"\{\{ words\.(\w+)", page))


def test_every_word_used_is_in_the_catalogue_and_every_word_in_it_is_used() -> None:
    assert used() == set(strings.catalogue())


def test_values_are_filled_in() -> None:
    assert strings.say("revised", date="2026-01-02") == "Guide revised 2026-01-02."


def test_no_string_is_empty_or_names_a_placeholder_in_another_way() -> None:
    words = json.loads((PACKAGE / "static" / "strings.en.json").read_text(encoding="utf-8"))
    assert all(text.strip() for text in words.values())
    assert all(re.fullmatch(r"[^{}]*(?:\{\w+\}[^{}]*)*", text) for text in words.values())


def test_every_word_of_the_widget_is_there_in_spanish_with_the_same_places_to_fill() -> None:
    english, spanish = strings.catalogue("en"), strings.catalogue("es")
    text = "\n".join((PACKAGE / "static" / name).read_text(encoding="utf-8") for name in WIDGET_SCRIPTS)
    shown = {key for key in english if f'"{key}"' in text} | set(LOADER_WORDS)
    assert len(shown) > 40
    assert shown - set(spanish) == set()
    assert set(spanish) <= set(english)
    for key, words in spanish.items():
        assert set(re.findall(r"{\w+}", words)) == set(re.findall(r"{\w+}", english[key])), key
