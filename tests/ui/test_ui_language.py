"""Which language a dialog speaks."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QLocale

from scalediff_engine.ui.language import locale_for


@pytest.mark.parametrize(
    ("told", "expected"), [("de", "de_DE"), ("pt_BR", "pt_BR"), ("ar", "ar_EG"), ("en-GB", "en_GB")]
)
def test_the_host_s_language_is_spoken(told: str, expected: str) -> None:
    assert locale_for(told).name() == expected


@pytest.mark.parametrize("told", [None, "", "xx", "C", "no language at all"])
def test_what_is_no_language_is_the_system_s(told: str | None) -> None:
    assert locale_for(told) == QLocale.system()
