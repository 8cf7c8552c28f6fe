"""Ten thousand files: the first rows at once, little memory, and a window that is never busy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from fake_batches import FakeBatches, batch, item, save_picture
from fake_gateway import FakeGateway, models, plan_for, progress
from PySide6.QtCore import (
    QAbstractTableModel,
    QEventLoop,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    QTimer,
)
from PySide6.QtWidgets import QApplication, QTableView

from scalediff_engine.client.batches import BatchItem, BatchList, FileState
from scalediff_engine.ui.event_loop import Collector
from scalediff_engine.ui.folder.model import FolderModel, Phase
from scalediff_engine.ui.folder.rows import Filter
from scalediff_engine.ui.folder.window import FolderWindow
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.workers import Workers, qt_later

Index = QModelIndex | QPersistentModelIndex

FILES = 10_000
FRAME_MS = 16
ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.nightly


class Silent:
    def begin(self, on_click: object) -> bool:
        return True

    def say(self, title: str, text: str) -> None: ...

    def end(self) -> None: ...


def machine_is_free() -> bool:
    """Tell whether other programs let one that only counts have a processor all the time."""
    gaps_ms: list[float] = []
    end = time.perf_counter() + 1.0
    wall, own = time.perf_counter(), time.thread_time()
    while wall < end:
        now, used = time.perf_counter(), time.thread_time()
        gaps_ms.append(1000 * ((now - wall) - (used - own)))
        wall, own = now, used
    return sorted(gaps_ms)[-5] < 2.0


class _Plain(QAbstractTableModel):
    """Text alone."""

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802 - Qt's name
        return 1000

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802 - Qt's name
        return 6

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        is_text = role == Qt.ItemDataRole.DisplayRole
        return f"IMG_{index.row():05}.png {index.column()}" if is_text else None


def frame_ms() -> float:
    """Give what a turn may take: a frame, or where that is more, four times Qt's plain table.

    A plain table of this size took 8 to 24 ms on one machine within ten minutes: others share it.
    """
    view = QTableView()
    view.setModel(_Plain(view))
    view.resize(1240, 780)
    view.show()
    QApplication.processEvents()
    took: list[float] = []
    for _ in range(20):
        began = time.thread_time()
        view.viewport().repaint()
        took.append(1000 * (time.thread_time() - began))
    view.hide()
    return max(FRAME_MS, 4 * sorted(took)[10])


class Loop:
    """An event loop that measures how late it is; the threads have their turn while it waits."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self.busy_ms: list[float] = []
        self._used = 0.0
        self._loop = QEventLoop()
        self._last = 0.0
        self._timer = QTimer()
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._tick)
        self._holds: Callable[[], bool] = lambda: True
        self._end = 0.0

    def until(self, holds: Callable[[], bool], seconds: float) -> float:
        """Let it work until something holds; gives the seconds that took."""
        began = self._last = time.perf_counter()
        self._used = time.thread_time()
        self._holds, self._end = holds, began + seconds
        self._timer.start()
        self._loop.exec()
        self._timer.stop()
        assert holds(), "it did not come to hold"
        return time.perf_counter() - began

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late_ms.append(1000 * (now - self._last) - self._timer.interval())
        self.busy_ms.append(1000 * (time.thread_time() - self._used))
        if self._holds() or now > self._end:
            self._loop.quit()
        self._last, self._used = time.perf_counter(), time.thread_time()

    def worst(self) -> str:
        late = sorted(self.late_ms)
        text = f"worst {late[-1]:.1f} ms, then {late[-2]:.1f}, {late[-3]:.1f}; {len(late)} turns"
        return f"{text}; its own work at most {max(self.busy_ms):.1f} ms"

    def forget(self) -> None:
        """Measure anew."""
        self.late_ms.clear()
        self.busy_ms.clear()

    def require_awake(self) -> None:
        """Require short turns by their own work, and by the clock where the machine is free.

        Skips the test where other programs make the clock useless.
        """
        frame = frame_ms()
        assert self._is_short(self.busy_ms, frame, 2 * frame), (frame, sorted(self.busy_ms)[-8:])
        if not self._is_short(self.late_ms, frame, 100):
            turns = (frame, sorted(self.late_ms)[-8:])
            if not machine_is_free():
                pytest.skip(f"the machine is busy, turns took (frame, longest) {turns} ms")
            pytest.fail(f"turns took (frame, longest) {turns} ms")

    @property
    def is_awake(self) -> bool:
        return self._is_short(self.late_ms, FRAME_MS, 100)

    def _is_short(self, turns_ms: list[float], most: float, forgiven: float) -> bool:
        """The machine is shared: two turns may be longer, for its processor is slow in moments."""
        longest = sorted(turns_ms)
        return longest[-3] < most and longest[-1] < forgiven


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten thousand tiny pictures in twenty folders, of sixty sizes."""
    root = tmp_path_factory.mktemp("many")
    datas = [save_picture(root / f"{n}.tmp.png", 16 + n, 12 + n % 7, n) for n in range(60)]
    for index in range(FILES):
        folder = root / f"album {index % 20:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"IMG_{index:05}.png").write_bytes(datas[index % 60].read_bytes())
    for data in datas:
        data.unlink()
    return root


@pytest.fixture
def as_the_program() -> Generator[None]:
    """Threads give way, and garbage is collected, as in the program."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.001)
    collector = Collector()
    yield
    sys.setswitchinterval(interval)
    collector.close()


@pytest.mark.usefixtures("app", "as_the_program")
def test_ten_thousand_files_are_found_while_the_window_stays_awake(
    many: Path, gateway: FakeGateway, batches: FakeBatches,
    record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    gateway.at_once.update(models=models, plan=plan_for)
    workers, painters = Workers(), Workers(2)
    model = FolderModel(gateway, batches, qt_later, workers, [many], Memory(), lambda *_: None)
    window = FolderWindow(model, Look(Scheme.DARK), Silent(), painters)
    window.resize(1240, 780)
    window.show()
    loop = Loop()
    loop.until(lambda: len(loop.late_ms) > 20, 5)
    loop.forget()
    model.begin()
    first = loop.until(lambda: window.table.rowCount() > 0, 5)
    whole = first + loop.until(lambda: not model.input.is_scanning, 60)
    ready = whole + loop.until(lambda: model.can_start, 30)
    assert window.table.rowCount() == FILES
    found = loop.worst()
    print(f"first rows {first:.2f} s, all {whole:.2f} s, ready {ready:.2f} s; {found}")  # noqa: T201
    record_property("first_rows_s", first)
    record_property("worst_lag_ms", max(loop.late_ms))
    assert first < 1.0
    for _ in range(2):
        if not loop.is_awake:  # others were at work, or we are slow: that shows in the next one
            loop.forget()
            model.input.scan()
            loop.until(lambda: model.can_start, 60)
    loop.require_awake()

    loop.forget()
    bar = window.view.verticalScrollBar()
    steps = iter(range(0, bar.maximum(), max(1, bar.maximum() // 150)))

    def scrolled() -> bool:
        place = next(steps, None)
        if place is not None:
            bar.setValue(place)
        return place is None

    loop.until(scrolled, 30)
    print(f"scrolling through: {loop.worst()}")  # noqa: T201
    loop.require_awake()
    assert window.thumbnails.kept <= 400

    loop.forget()
    model.rows.show(Filter.TO_DO)
    loop.until(lambda: len(loop.late_ms) > 30, 5)
    model.rows.show(Filter.ALL)
    loop.until(lambda: len(loop.late_ms) > 60, 5)
    print(f"filtering: {loop.worst()}")  # noqa: T201
    window.hide()
    for threads in (workers, painters):
        threads.close()
    model.close()


@pytest.mark.usefixtures("app", "as_the_program")
@pytest.mark.parametrize("shown", [Filter.ALL, Filter.DONE])
def test_ten_thousand_states_stream_in_while_the_window_stays_awake(
    gateway: FakeGateway, batches: FakeBatches, shown: Filter,
    record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    gateway.at_once.update(models=models, plan=plan_for)
    workers = Workers()
    model = FolderModel(gateway, batches, qt_later, workers, [], Memory(), lambda *_: None)
    window = FolderWindow(model, Look(Scheme.DARK), Silent(), workers)
    window.resize(1240, 780)
    window.show()
    model.begin()
    info = batch(counts={"waiting": FILES})
    batches.last("batches").succeed(BatchList([info]))
    model.show_batch("b1")
    loop = Loop()

    def answer(portions: list[list[BatchItem]], asked: object) -> None:
        def work(_: object, say: Callable[[list[BatchItem]], None]) -> None:
            for portion in portions:
                say(portion)
                time.sleep(0.002)

        workers.follow(work, asked.tell, asked.succeed, lambda error: pytest.fail(str(error)))  # type: ignore[attr-defined]

    every = [item(index) for index in range(FILES)]
    loop.until(lambda: len(loop.late_ms) > 20, 5)
    loop.forget()
    answer([every[n : n + 250] for n in range(0, FILES, 250)], batches.last("items"))
    loop.until(lambda: window.table.rowCount() == FILES, 20)
    loop.until(lambda: len(loop.late_ms) > 300, 10)
    print(f"10,000 rows of a batch: {loop.worst()}")  # noqa: T201
    loop.require_awake()
    loop.forget()
    model.rows.show(shown)
    done = [item(index, FileState.DONE, seconds=3.0) for index in range(FILES)]
    per = 500
    for number, start in enumerate(range(0, FILES, per)):
        counts = {"done": start + per, "waiting": FILES - start - per}
        batches.last("watch").say(
            batch(events=2 + number, counts=counts, current=start, progress=progress(0.5))
        )
        loop.until(lambda: bool(batches.pending("items")), 5)
        portions = [done[n : n + 250] for n in range(start, start + per, 250)]
        answer(portions, batches.last("items"))
        loop.until(lambda: not batches.pending("items"), 5)
    loop.until(lambda: model.rows.counts()[Filter.DONE] == FILES, 10)
    loop.until(lambda: window.table.rowCount() == FILES, 5)
    print(f"10,000 states, {shown.value} shown: {loop.worst()}")  # noqa: T201
    record_property("worst_lag_ms", max(loop.late_ms))
    assert model.phase is Phase.FOLLOWING
    loop.require_awake()
    window.hide()
    workers.close()
    model.close()


_MEMORY = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[2], sys.argv[3]]
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from fake_batches import FakeBatches
from fake_gateway import FakeGateway, models, plan_for
from scalediff_engine.ui.look import Scheme
from scalediff_engine.ui.folder.model import FolderModel
from scalediff_engine.ui.folder.window import FolderWindow
from scalediff_engine.ui.workers import qt_later
from scalediff_engine.ui.look import Look
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.workers import Workers
app = QApplication(["memory"])
gateway, workers = FakeGateway(), Workers()
gateway.at_once.update(models=models, plan=plan_for)
model = FolderModel(gateway, FakeBatches(), qt_later, workers,
                    [Path(sys.argv[1])], Memory(), lambda *_: None)
look = Look(Scheme.DARK); look.put_on(app)
window = FolderWindow(model, look, None, workers)
window.show()
model.begin()
def step():
    if model.can_start:
        bar = window.view.verticalScrollBar()
        if bar.value() < bar.maximum():
            bar.setValue(bar.value() + 700)
        else:
            app.exit()
timer = QTimer(); timer.timeout.connect(step); timer.start(2)
app.exec()
# getrusage would count what the process was before exec: a copy of the one that started it
peak = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x)
print(window.table.rowCount(), int(peak.split()[1]) // 1024)
workers.close()
import os; sys.stdout.flush(); os._exit(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_ten_thousand_files_take_less_than_400_mb(
    many: Path, record_property: Callable[[str, object], None]
) -> None:
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, str(many), str(here), str(here.parent)],
        capture_output=True, text=True, check=True, timeout=120, cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    rows, megabytes = map(int, done.stdout.split())
    print(f"{rows} rows, {megabytes} MB at most")  # noqa: T201
    record_property("memory_mb", megabytes)
    assert rows == FILES
    assert megabytes < 400


@pytest.fixture
def app_is_there(app: QApplication) -> QApplication:
    return app
