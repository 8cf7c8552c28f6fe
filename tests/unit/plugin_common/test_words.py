from __future__ import annotations

from scalediff_engine.plugin_common.words import Words


def test_a_locale_of_a_language_that_there_is() -> None:
    assert Words("de_AT.UTF-8")("Upscaling") == "Vergrößern"


def test_any_other_is_english() -> None:
    assert Words("C")("Upscaling") == "Upscaling"


def test_values_are_put_in() -> None:
    assert Words("en")("{count} layers", count=3) == "3 layers"
