"""Legible in both looks, and the look that suits the host."""

from __future__ import annotations

import pytest

from scalediff_engine.ui.colours import COLOURS, Colours, Scheme, choose_scheme, contrast


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
    for ground in (colours.window, colours.panel, colours.field, colours.button):
        assert contrast(colours.focus, ground) >= 3
    assert contrast(colours.disabled, colours.window) >= 2


@pytest.mark.parametrize(
    ("told", "host", "system", "expected"),
    [
        (None, "krita", False, Scheme.DARK),
        ("light", "krita", True, Scheme.LIGHT),
        ("dark", "", False, Scheme.DARK),
        ("mauve", "", False, Scheme.LIGHT),
        (None, "", True, Scheme.DARK),
        (None, "", None, Scheme.DARK),
    ],
)
def test_the_look_suits_the_host(
    told: str | None, host: str, system: bool | None, expected: Scheme
) -> None:
    assert choose_scheme(told, host, system) is expected
