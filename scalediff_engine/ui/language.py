"""The words of the dialogs in the user's language."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

FOLDER = Path(__file__).parent / "translations"


def translate(context: str, text: str, count: int = -1) -> str:
    """Give ``text`` in the user's language; ``%n`` in it is ``count``.

    A short name, and one that the tools of Qt find.
    """
    return QCoreApplication.translate(context, text, "", count)


def locale_for(told: str | None) -> QLocale:
    """Give the locale of a language such as ``de`` or ``pt_BR``; of the system, if it is none."""
    if told:
        found = QLocale(told)
        if found.language() not in (QLocale.Language.C, QLocale.Language.AnyLanguage):
            return found
    return QLocale.system()


def install(app: QApplication, locale: QLocale) -> list[QTranslator]:
    """Let ``app`` speak the language of ``locale``, where there is a translation.

    Gives the translators, which Qt does not keep.
    """
    installed: list[QTranslator] = []
    qt_folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    for name, folder in (("qtbase", qt_folder), ("scalediff", str(FOLDER))):
        translator = QTranslator(app)
        if translator.load(locale, name, "_", folder) and app.installTranslator(translator):
            installed.append(translator)
    app.setLayoutDirection(locale.textDirection())
    return installed
