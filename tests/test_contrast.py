"""The color an owner chooses: one that words can be read in, or an error that names a shade that does."""

from __future__ import annotations

import re

import pytest

from advisor_bot.contrast import LEAST, accent, contrast
from advisor_bot.errors import SettingsError
from advisor_bot.settings import Settings


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("written", ["#8A1F3D", "8a1f3d", " #8a1f3d "])
def test_a_color_may_be_written_in_the_usual_ways(written: str) -> None:
    assert accent(written) == "#8a1f3d"
    assert accent("#035") == "#003355"


@pytest.mark.parametrize("written", ["red", "#12345", "rgb(1,2,3)", "#8a1f3d;}body{display:none", "#8a1f3dff"])
def test_what_is_no_color_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(SettingsError, match=r"ADVISOR_COLOR=.* cannot be used: write a color as  #8a1f3d"):
        Settings.read({"ADVISOR_COLOR": written})


@pytest.mark.parametrize("pale", ["#ffcc00", "#1a73e8", "#ffffff", "#00ff00"])
def test_a_pale_color_is_refused_and_the_shade_it_names_is_taken(pale: str) -> None:
    with pytest.raises(
        SettingsError, match=f"ADVISOR_COLOR='{pale}' cannot be used: it is too pale .* is needed"
    ) as told:
        Settings.read({"ADVISOR_COLOR": pale})
    named = re.findall(r"#[0-9a-f]{6}", str(told.value))[-1]
    assert accent(named) == named
    assert contrast(named, "#f1f1f1") < LEAST + 0.2  # no darker than need be
