"""Qt without a screen, for all tests of the dialogs."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytest.importorskip("PySide6")

from fake_gateway import FakeGateway, FakeLater
from PySide6.QtCore import QEvent, QLocale
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from real_engine import Dialogs

from scalediff_engine.ui import binding
from scalediff_engine.ui.look import Look, Scheme


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these tests out where Qt for Python would end the process at random."""
    reason = binding.trouble()
    here = Path(__file__).parent
    for item in items:
        if reason is not None and here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def app() -> QApplication:
    """The one application of the process."""
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(["scalediff-tests"])
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
    Look(Scheme.DARK).put_on(app)
    return app


@pytest.fixture(autouse=True)
def _windows_end_with_their_test(app: QApplication) -> Generator[None]:
    """Windows that stay would be styled anew by every later change of the look: minutes in all."""
    before = set(app.topLevelWidgets())
    yield
    for window in set(app.topLevelWidgets()) - before:
        window.hide()
        window.deleteLater()
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def _garbage_stays_in_this_thread() -> Generator[None]:
    """As in the program (``ui.event_loop``): a widget must not end in another thread."""
    gc.disable()
    gc.freeze()  # so that the collection afterwards looks at what the test has made alone
    yield
    gc.collect()
    gc.unfreeze()
    gc.enable()


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def later() -> FakeLater:
    return FakeLater()


@pytest.fixture
def wait_until(app: QApplication) -> Callable[..., None]:
    """Let Qt work until something holds."""

    def wait(holds: Callable[[], bool], timeout_ms: int = 5000) -> None:
        end = time.monotonic() + timeout_ms / 1000
        while not holds():
            assert time.monotonic() < end, "it did not come to hold"
            QTest.qWait(5)

    return wait


@pytest.fixture
def dialogs(app: QApplication) -> Generator[Dialogs]:
    """Opens dialogs in this process; they are closed at the end."""
    found = Dialogs(app)
    yield found
    found.close()
