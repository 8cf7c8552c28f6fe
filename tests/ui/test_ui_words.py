"""Words and figures, and their German."""

from __future__ import annotations

import ast
import string
import xml.etree.ElementTree as ET
from collections.abc import Generator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QLocale
from PySide6.QtWidgets import QApplication

from scalediff_engine.client.messages import JobState
from scalediff_engine.ui import binding, language, words

UI = Path(language.__file__).parent
GERMAN = UI / "translations" / "scalediff_de.ts"


def texts_in_source() -> set[tuple[str, str]]:
    """Every context and text that is translated."""
    found: set[tuple[str, str]] = set()
    for file in UI.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "translate"
            ):
                context, text = (ast.literal_eval(argument) for argument in node.args[:2])
                found.add((context, text))
    return found


def translations() -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for context in ET.parse(GERMAN).getroot().iter("context"):  # noqa: S314 - our own
        name = context.findtext("name") or ""
        for message in context.iter("message"):
            translation = message.find("translation")
            assert translation is not None
            assert translation.get("type") is None, message.findtext("source")
            found[name, message.findtext("source") or ""] = translation.text or ""
    return found


def test_everything_is_said_in_german() -> None:
    # after a change: python tests/ui/update_translations.py
    assert set(translations()) == texts_in_source()
    assert all(translations().values())


def test_german_leaves_no_figure_out() -> None:
    for (_, text), german in translations().items():
        fields = {name for _, name, _, _ in string.Formatter().parse(text) if name}
        assert {name for _, name, _, _ in string.Formatter().parse(german) if name} == fields
        assert ("&" in text) == ("&" in german), text


def test_keys_with_alt_are_unique_on_each_panel() -> None:
    for language_ in (lambda text, german: text, lambda text, german: german):
        for context in ("Decide", "Progress", "Settings"):
            # of two that are never seen together
            apart = {"&Resume", "&Try again", "&Accept"}
            keys = [
                language_(text, german).split("&")[1][0].lower()
                for (name, text), german in translations().items()
                if name == context and "&" in text and text not in apart
            ]
            assert len(keys) == len(set(keys)), (context, keys)


@pytest.fixture
def german(app: QApplication) -> Generator[None]:
    before = QLocale()
    locale = QLocale("de_DE")
    QLocale.setDefault(locale)
    translators = language.install(app, locale)
    yield
    for translator in translators:
        app.removeTranslator(translator)
    QLocale.setDefault(before)


def test_every_text_is_shown_in_german(german: None) -> None:
    for (context, text), expected in translations().items():
        assert QCoreApplication.translate(context, text) == expected


def test_what_comes_with_qt_is_german_too(german: None) -> None:
    assert QCoreApplication.translate("QPlatformTheme", "Cancel") == "Abbrechen"
    assert words.number(1.5) == "1,5"


def test_an_unknown_language_is_english(app: QApplication) -> None:
    translators = language.install(app, QLocale("ar_EG"))
    assert words.state(JobState.DONE) == "Done"
    for translator in translators:
        app.removeTranslator(translator)
    language.install(app, QLocale("en_GB"))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.2, "less than a second"),
        (12.3, "12 s"),
        (60, "1 min"),
        (130, "2 min 10 s"),
        (700, "12 min"),
        (3599.9, "1 h 0 min"),
        (7320, "2 h 2 min"),
    ],
)
def test_durations(app: QApplication, seconds: float, expected: str) -> None:
    assert words.duration(seconds) == expected


def test_figures(app: QApplication) -> None:
    marks = str.maketrans("", "", "\u2066\u2069")
    assert words.memory(5 << 30).translate(marks) == "5 GiB"
    assert words.memory(300 << 20).translate(marks) == "300 MiB"
    assert words.memory(1).translate(marks) == "1 KiB"
    assert words.size_px(4096, 3072).translate(marks) == "4096 × 3072 px"
    assert words.zoom(0.123).translate(marks) == "12 %"
    assert words.zoom(0.05).translate(marks) == "5 %"


def test_time_left(app: QApplication) -> None:
    assert words.time_left(None) == "Time left is not known yet"
    assert words.time_left(0) == "A few seconds left"
    assert words.time_left(70) == "About 1 min 10 s left"


def test_a_phase_that_is_new_is_said_as_the_engine_says_it(app: QApplication) -> None:
    assert words.phase("sharpening") == "Sharpening"
    assert words.phase("polishing") == "Polishing"


def test_a_binding_that_miscounts_is_known() -> None:
    assert binding.trouble_with("6.12.0", (3, 11)) is not None
    assert binding.trouble_with("6.12.0", (3, 12)) is None
    assert binding.trouble_with("6.11.3", (3, 11)) is None
    assert binding.trouble_with("6.8.0.2", (3, 11)) is None
