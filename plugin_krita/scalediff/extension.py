"""The plug-in in Krita: its actions, and the one place that puts everything together.

Krita imports this when it starts, so whatever is not needed for that is imported when it is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Optional

from krita import Extension, InfoObject, Krita

from .qt import QLocale, QTimer

if TYPE_CHECKING:
    from .engine_status import StatusReader
    from .office import Office
    from .order import Order
    from .plugin_common.words import Words

MENU = "tools/scripts"
# While something is under way; what is heard costs a millisecond at most.
_TICK_MS = 30
# name of the action and of the office's method, and the menu's text
ACTIONS = (
    ("scalediff_upscale", "upscale", "Upscale with ScaleDiff..."),
    ("scalediff_upscale_image", "upscale_image", "Upscale Visible Image with ScaleDiff..."),
    ("scalediff_in_place", "in_place", "Upscale Selection in Place..."),
    ("scalediff_repeat", "repeat", "Repeat Last Upscale"),
    ("scalediff_recent", "recent", "Insert Recent Result..."),
    ("scalediff_rerun", "rerun", "Re-run This Layer..."),
)


class ScaleDiffExtension(Extension):
    """The plug-in; there is one, whatever the number of windows."""

    def __init__(self, parent: Any) -> None:  # noqa: ANN401
        super().__init__(parent)
        self._office: Optional[Office] = None
        self._words: Optional[Words] = None
        self._status: Optional[StatusReader] = None
        self._last = ""
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)

    def setup(self) -> None:
        """Do nothing yet."""

    def createActions(self, window: Any) -> None:  # noqa: ANN401
        """Put the actions into a window's menu; what they do is loaded with the first of them."""
        for name, method, text in ACTIONS:
            action = window.createAction(name, self.words(text), MENU)
            action.triggered.connect(lambda _=False, method=method: self.act(method))

    def act(self, method: str) -> None:
        """Do what an action stands for."""
        self._last = method
        getattr(self.office, method)()

    @property
    def words(self) -> Words:
        """The user's language."""
        if self._words is None:
            from .plugin_common.words import Words

            self._words = Words(QLocale().name())
        return self._words

    @property
    def office(self) -> Office:
        """What does the work."""
        if self._office is None:
            self._office = self._opened()
            self._office.on_change = self._changed
        return self._office

    @property
    def orders(self) -> list[Order]:
        """What is under way."""
        return [] if self._office is None else self._office.orders

    @property
    def status(self) -> StatusReader:
        """How the engine is."""
        if self._status is None:
            from .client.places import Places, default_home
            from .engine_status import StatusReader

            self._status = StatusReader(Places(default_home()))
        return self._status

    def _opened(self) -> Office:
        from .client.start import connect
        from .enlarging import scale_mask
        from .inserting import Means
        from .notices import Notices
        from .office import Office, Setting
        from .profiles import Profiles

        app = Krita.instance()
        means = Means(app, Profiles(app, _png_options), scale_mask, self.words)
        notices = Notices(app, self.words, lambda: self.act(self._last))
        return Office(Setting(means, connect, notices, dict(os.environ)))

    def _changed(self) -> None:
        if self.orders and not self._timer.isActive():
            self._timer.start()
        elif not self.orders:
            self._timer.stop()

    def _tick(self) -> None:
        self.office.tick()


def _png_options() -> InfoObject:
    """Have the profile written into a PNG, that of sRGB too."""
    options = InfoObject()
    for name, value in (
        ("alpha", True),
        ("compression", 1),
        ("forceSRGB", False),
        ("indexed", False),
        ("saveSRGBProfile", True),
    ):
        options.setProperty(name, value)
    return options
