"""Which language a dialog speaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QApplication

from scalediff_engine.ui.language import FOLDER, Catalogue, catalogue_for, locale_for


@pytest.mark.parametrize(
    ("told", "expected"), [("de", "de_DE"), ("pt_BR", "pt_BR"), ("ar", "ar_EG"), ("en-GB", "en_GB")]
)
def test_the_host_s_language_is_spoken(told: str, expected: str) -> None:
    assert locale_for(told).name() == expected


@pytest.mark.parametrize("told", [None, "", "xx", "C", "no language at all"])
def test_what_is_no_language_is_the_system_s(told: str | None) -> None:
    assert locale_for(told) == QLocale.system()


class SystemLocale(QLocale):
    """A system whose user speaks several languages."""

    def __init__(self, *languages: str) -> None:
        super().__init__("en_US")
        self._languages = list(languages)

    def uiLanguages(self, *_: object) -> list[str]:  # noqa: N802 - Qt's name
        return self._languages


@pytest.mark.parametrize(
    ("languages", "name"),
    [
        (("de-Latn-AT", "de-AT", "de"), "scalediff_de.ts"),
        (("pt-BR", "de-DE"), "scalediff_de.ts"),
        (("en-US", "de-DE"), None),
        (("ar",), None),
    ],
)
def test_the_first_language_that_there_is_wins(
    languages: tuple[str, ...], name: str | None
) -> None:
    expected = None if name is None else FOLDER / name
    assert catalogue_for(SystemLocale(*languages)) == expected


def test_texts_and_files_that_are_not_there_are_left_to_qt(
    app: QApplication, tmp_path: Path
) -> None:
    file = tmp_path / "scalediff_xx.ts"
    file.write_text(
        "<TS><context><name>Words</name>"
        "<message><source>Done</source><translation>Färdig &amp; klar</translation></message>"
        "<message><source>Paused</source><translation type='unfinished'/></message>"
        "</context></TS>",
        encoding="utf-8",
    )
    found = Catalogue(file, app)
    assert found.translate("Words", "Done") == "Färdig & klar"
    assert app.installTranslator(found)
    assert app.translate("Words", "Done") == "Färdig & klar"
    assert app.translate("Words", "Paused") == "Paused"
    app.removeTranslator(found)
