"""The words of the dialogs in the user's language."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator
from PySide6.QtWidgets import QApplication

FOLDER = Path(__file__).parent / "translations"


def translate(context: str, text: str) -> str:
    """Return ``text`` in the user's language; Qt's ``lupdate`` finds calls by this name."""
    return QCoreApplication.translate(context, text)


def locale_for(told: str | None) -> QLocale:
    """Give the locale of a language such as ``de`` or ``pt_BR``; of the system, if it is none."""
    if told:
        found = QLocale(told)
        if found.language() not in (QLocale.Language.C, QLocale.Language.AnyLanguage):
            return found
    return QLocale.system()


class Catalogue(QTranslator):
    """The texts of a ``.ts`` file, read as they are: a clone and a wheel need no compiled ones.

    Args:
        file: to read
        parent: that keeps it
    """

    def __init__(self, file: Path, parent: QObject) -> None:
        super().__init__(parent)
        contexts = ElementTree.parse(file).getroot().iter("context")  # noqa: S314 - our own file
        self._texts = {
            (context.findtext("name"), message.findtext("source")): text
            for context in contexts
            for message in context.iter("message")
            if (text := message.findtext("translation"))
        }

    def isEmpty(self) -> bool:  # noqa: N802 - Qt's name
        """Return whether there is no text."""
        return not self._texts

    def translate(
        self,
        context: str,
        sourceText: str,  # noqa: N803 - Qt's name
        disambiguation: str | None = None,
        n: int = -1,
    ) -> str:
        """Return a text, or None (a null string, of which Qt asks the next translator)."""
        return self._texts.get((context, sourceText))  # pyright: ignore[reportReturnType]


def catalogue_for(locale: QLocale) -> Path | None:
    """Return the file of the first of the user's languages; None = English, or no translation."""
    for language in locale.uiLanguages():
        short = language.split("-")[0]
        if short == "en":
            return None
        for name in (language.replace("-", "_"), short):
            file = FOLDER / f"scalediff_{name}.ts"
            if file.is_file():
                return file
    return None


def install(app: QApplication, locale: QLocale) -> list[QTranslator]:
    """Let ``app`` speak the language of ``locale``, where there is a translation.

    Gives the translators, which Qt does not keep.
    """
    of_qt = QTranslator(app)
    of_qt.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
    file = catalogue_for(locale)
    translators = [of_qt] if file is None else [of_qt, Catalogue(file, app)]
    app.setLayoutDirection(locale.textDirection())
    return [translator for translator in translators if app.installTranslator(translator)]
