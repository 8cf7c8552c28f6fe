"""Legible in both looks, and the look that suits the host."""

from __future__ import annotations

import pytest

from scalediff_engine.ui.look import (
    COLOURS,
    Colours,
    Desktop,
    Scheme,
    choose_scheme,
    contrast,
)


def test_contrast_is_the_standard_s() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colours", COLOURS.values(), ids=[s.value for s in COLOURS])
def test_all_text_can_be_read(colours: Colours) -> None:
    for text in (colours.text, colours.quiet, colours.warning, colours.good):
        for ground in (colours.window, colours.panel, colours.field):
            assert contrast(text, ground) >= 4.5, (text, ground)
    assert contrast(colours.text, colours.button) >= 4.5
    assert contrast(colours.on_accent, colours.accent) >= 4.5
    assert contrast(colours.disabled, colours.window) >= 2


@pytest.mark.parametrize("colours", COLOURS.values(), ids=[s.value for s in COLOURS])
def test_what_can_be_used_and_what_has_the_keyboard_stand_out(colours: Colours) -> None:
    for ground in (colours.window, colours.panel, colours.field, colours.button):
        assert contrast(colours.focus, ground) >= 3, ground
        assert contrast(colours.edge, ground) >= 3, ground
    assert contrast(colours.accent, colours.window) >= 3


@pytest.mark.parametrize("scheme", [Scheme.CONTRAST_DARK, Scheme.CONTRAST_LIGHT])
def test_high_contrast_is_higher(scheme: Scheme) -> None:
    colours = COLOURS[scheme]
    for text in (colours.text, colours.quiet, colours.warning, colours.good, colours.focus):
        for ground in (colours.window, colours.panel, colours.field, colours.button):
            assert contrast(text, ground) >= 7, (text, ground)
    assert contrast(colours.on_accent, colours.accent) >= 7
    assert contrast(colours.disabled, colours.window) >= 4.5


@pytest.mark.parametrize(
    ("told", "desktop", "expected"),
    [
        ("light", Desktop(is_dark=True), Scheme.LIGHT),
        ("dark", Desktop(is_dark=False), Scheme.DARK),
        ("mauve", Desktop(is_dark=False), Scheme.LIGHT),
        (None, Desktop(is_dark=False), Scheme.LIGHT),
        (None, Desktop(is_dark=True), Scheme.DARK),
        (None, Desktop(), Scheme.DARK),
        ("light", Desktop(is_dark=True, wants_contrast=True), Scheme.CONTRAST_LIGHT),
        (None, Desktop(is_dark=True, wants_contrast=True), Scheme.CONTRAST_DARK),
        ("contrast", Desktop(is_dark=False), Scheme.CONTRAST_LIGHT),
        ("contrast", Desktop(), Scheme.CONTRAST_DARK),
    ],
)
def test_the_look_suits_the_host_and_else_the_desktop(
    told: str | None, desktop: Desktop, expected: Scheme
) -> None:
    assert choose_scheme(told, desktop) is expected
