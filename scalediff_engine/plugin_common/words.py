"""What plug-ins say, in the user's language; English is the key, as in gettext."""

from __future__ import annotations

from .german import GERMAN

_TRANSLATIONS = {"de": GERMAN}


class Words:
    """Says things in a language.

    Args:
        locale: such as ``de_AT.UTF-8``; English where there is no translation
    """

    def __init__(self, locale: str) -> None:
        self.language = locale.replace("-", "_").partition("_")[0].partition(".")[0].lower()
        self._known = _TRANSLATIONS.get(self.language, {})

    def __call__(self, text: str, **values: object) -> str:
        """Give a text, with ``{name}`` in it replaced by values."""
        said = self._known.get(text, text)
        return said.format(**values) if values else said
