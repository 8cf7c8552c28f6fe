"""Nothing keeps the window waiting: opening, and a large result on its way."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_gateway import FakeGateway, event, job, models, picture, plan_for
from PySide6.QtCore import QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from scalediff_engine.client.messages import JobState, SessionInfo, SessionState
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.ui.dialog import DialogModel, Phase
from scalediff_engine.ui.files import PictureFiles
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.origin import SessionOrigin
from scalediff_engine.ui.picture import read_mapped, to_file
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.window import UpscaleWindow
from scalediff_engine.ui.workers import Ticket, Workers, qt_later

SIDE = 4096


class Silent:
    def begin(self, on_click: object) -> bool:
        return True

    def say(self, title: str, text: str) -> None: ...

    def end(self) -> None: ...


class Lag:
    """Measures how late the event loop is."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._tick)

    def __enter__(self) -> Lag:
        self._last = time.perf_counter()
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late_ms.append(1000 * (now - self._last))
        self._last = now


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("large") / "result.pixels"
    row = np.random.default_rng(0).integers(0, 256, SIDE * SIDE // 16 * 3, np.uint8)
    to_file(file, PixelHeader(SIDE, SIDE, "rgb", "u8"), b"", np.tile(row, 16))
    return file


@pytest.mark.nightly
def test_the_window_stays_awake_while_a_large_result_comes(
    app: QApplication,
    gateway: FakeGateway,
    large_file: Path,
    wait_until: Callable[..., None],
    record_property: Callable[[str, object], None],
) -> None:
    workers = Workers()
    gateway.at_once.update(plan=plan_for, models=models)
    origin = SessionOrigin(gateway, "s")
    dialog = DialogModel(gateway, qt_later, origin, Memory(), lambda _: None, workers)
    window = UpscaleWindow(dialog, Look(Scheme.DARK), Silent())
    window.resize(1400, 900)
    window.show()
    dialog.begin()
    gateway.last("session").succeed(SessionInfo("s", SessionState.OPEN, "i", "krita", "L", 1))
    gateway.last("image").succeed(picture(512, 512))
    dialog.start()
    gateway.last("submit").succeed(job(state=JobState.QUEUED))
    watch = gateway.last("watch")
    watch.say(event(1, JobState.DONE))
    watch.succeed()
    gateway.last("job").succeed(job(state=JobState.DONE, width=SIDE, height=SIDE))
    asked = gateway.last("result")
    QTest.qWait(50)
    gc.collect()
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.001)  # as the program does
    try:
        with Lag() as lag:

            def work(ticket: Ticket) -> object:
                copy = large_file.with_suffix(".copy")
                with large_file.open("rb") as source, copy.open("wb") as target:
                    while piece := source.read(1 << 20):
                        target.write(piece)
                return read_mapped(copy, lambda: not ticket.is_cancelled)

            workers.run(work, asked.succeed, lambda error: pytest.fail(str(error)))
            wait_until(lambda: dialog.phase is Phase.COMPARING, 20_000)
            dialog.measure_drift()
            wait_until(
                lambda: dialog.tries.current is not None and dialog.tries.current.drift is not None,
                20_000,
            )
            QTest.qWait(50)
    finally:
        sys.setswitchinterval(before)
        window.hide()
        workers.close()
    late = sorted(lag.late_ms)
    record_property("worst_lag_ms", late[-1])
    print(f"worst lag {late[-1]:.1f} ms, 99.9 % {late[int(0.999 * len(late))]:.1f} ms")  # noqa: T201
    # the machine is shared: two pauses of the system's own making are forgiven
    assert late[-3] < 16, f"{late[-5:]}"
    assert late[-1] < 100


_FIRST_PAINT = """
import time; began = time.perf_counter()
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pathlib import Path
from scalediff_engine.ui.app import UpscaleApp
from scalediff_engine.ui.context import Options
from scalediff_engine.ui.origin import FileOpening

app = QApplication(["x"])
options = Options(home=Path(sys.argv[2]))
running = UpscaleApp(app, FileOpening(Path(sys.argv[1])), options, app.quit)
paint = running.window.view.paintEvent
def painted(event):
    paint(event)
    heavy = {"torch", "onnxruntime", "fastapi"}
    print(time.perf_counter() - began, sorted(heavy.intersection(sys.modules)))
    QTimer.singleShot(0, app.quit)
running.window.view.paintEvent = painted
running.begin()
app.exec()
running.close()
"""


def test_the_window_is_there_soon_and_without_the_engine_s_weight(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    file = tmp_path / "scan.png"
    PictureFiles().write(picture(640, 480), None, file)
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_PAINT, str(file), str(tmp_path)],
        capture_output=True, text=True, check=True, timeout=60,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    seconds, heavy = done.stdout.splitlines()[0].split(" ", 1)
    record_property("first_paint_s", float(seconds))
    assert heavy == "[]"
    assert float(seconds) < 1.5
