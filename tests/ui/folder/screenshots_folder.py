"""Makes pictures of the folder dialog in all its states.

Run it as ``python screenshots_folder.py PICTURES FOLDER [de|ar] [light|contrast] [big]``.
"""

# ruff: noqa: E402 - the platform is chosen before Qt is imported

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE.parent), str(_HERE.parents[2])]

from fake_batches import FakeBatches, batch, item
from fake_gateway import FakeGateway, models, plan_for, progress
from PySide6.QtCore import QEventLoop, QLocale, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from scalediff_engine.ui import language
from scalediff_engine.ui.colours import Scheme
from scalediff_engine.ui.folder.destination import Place
from scalediff_engine.ui.folder.inspecting import PILLOW
from scalediff_engine.ui.folder.model import FolderModel
from scalediff_engine.ui.folder.rows import Filter
from scalediff_engine.ui.folder.window import FolderWindow
from scalediff_engine.ui.later import qt_later
from scalediff_engine.ui.look import Look
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.workers import Workers
from scalediff_engine.wire.batches import BatchList, BatchState, FileState
from scalediff_engine.wire.messages import Problem


class NoNotifier:
    def begin(self, on_click: object) -> bool:
        return True

    def say(self, title: str, text: str) -> None: ...

    def end(self) -> None: ...


def spin(duration_ms: int) -> None:
    """Let the window and the threads work; ``QTest.qWait`` keeps the threads waiting."""
    loop = QEventLoop()
    QTimer.singleShot(duration_ms, loop.quit)
    loop.exec()


def main(pictures: Path, folder: Path, words: list[str]) -> None:
    """Make them all."""
    folder.mkdir(parents=True, exist_ok=True)
    app = QApplication(["shots"])
    locale = QLocale({"de": "de_DE", "ar": "ar_EG"}.get(next(iter(words), ""), "en_GB"))
    QLocale.setDefault(locale)
    kept = language.install(app, locale)
    if "big" in words:
        font = app.font()
        font.setPointSizeF(16)
        app.setFont(font)
    scheme = Scheme.LIGHT if "light" in words else Scheme.DARK
    look = Look(Scheme.CONTRAST_DARK if "contrast" in words else scheme)
    look.put_on(app)
    gateway, batches, workers = FakeGateway(), FakeBatches(), Workers()
    gateway.at_once["models"] = models
    gateway.at_once["plan"] = lambda request: plan_for(
        request,
        Problem(
            "not-enough-memory",
            "This upscale needs 19.4 GiB and cuda:0 has 6.1 GiB free. 3072x3072 would fit.",
        )
        if request.width > 1500
        else None,
    )
    dialog = FolderModel(
        gateway, batches, qt_later, workers, PILLOW, [pictures], Memory(), lambda *_: None
    )
    window = FolderWindow(dialog, look, NoNotifier(), workers)
    window.resize(1240, 780)
    window.show()

    def shoot(name: str) -> None:
        spin(250)
        window.grab().save(str(folder / f"{name}.png"))

    shoot("0-empty")
    dialog.begin()
    batches.last("batches").succeed(
        BatchList(
            [
                batch(
                    title="Hochzeit 2019",
                    state=BatchState.PAUSED,
                    counts={"done": 312, "waiting": 688},
                )
            ]
        )
    )
    batches.last("first_item").succeed(None)
    spin(1200)
    window.view.setCurrentIndex(window.table.index(2, 0))
    shoot("1-choosing")
    dialog.rows.show(Filter.ERRORS)
    window.view.select_first()
    dialog.listing.change_destination(
        replace(
            dialog.listing.destination,
            place=Place.FOLDER,
            folder="/home/me/Pictures/Upscaled results",
        )
    )
    shoot("2-errors")
    dialog.rows.show(Filter.ALL)
    dialog.listing.change_destination(
        replace(dialog.listing.destination, pattern="result", place=Place.SUBFOLDER)
    )
    spin(400)
    shoot("3-clash")
    window.details.show_skipped()
    spin(100)
    window.details.skipped_list.grab().save(str(folder / "4-left-aside.png"))
    window.details.skipped_list.close()
    dialog.listing.change_destination(
        replace(dialog.listing.destination, pattern="{stem}_x{scale}")
    )
    dialog.unfinished = ()
    spin(500)
    window.activateWindow()
    window.view.setFocus()
    for _ in range(5):
        QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
    shoot("5-focus")
    dialog.start()
    shoot("6-handing-over")
    request, files = batches.last("create").args
    total = len(files)
    counts = {"done": 3, "failed": 1, "skipped": 1, "running": 1, "waiting": max(0, total - 6)}
    info = batch(
        title=pictures.name,
        counts=counts,
        current=5,
        progress=progress(0.42),
        fraction=0.3,
        seconds_left=4020.0,
        settings=request.settings,
    )
    batches.last("create").succeed(info)
    states = [FileState.DONE] * 3 + [FileState.FAILED, FileState.SKIPPED, FileState.RUNNING]
    states += [FileState.WAITING] * (total - 6)
    sentence = "This upscale needs 9.4 GiB and cuda:0 has 6.1 GiB free. 3072x3072 would fit."
    items = [
        item(
            index,
            state,
            seconds=74.0 * (index + 1),
            source=files[index].source,
            target=files[index].target,
            problem=Problem("not-enough-memory", sentence) if state is FileState.FAILED else None,
        )
        for index, state in enumerate(states)
    ]
    batches.last("items").tell(items)
    batches.last("items").succeed()
    window.view.setCurrentIndex(window.table.index(3, 0))
    shoot("7-running")
    dialog.batch.pause()
    batches.last("act").succeed(replace(info, state=BatchState.PAUSED))
    shoot("8-paused")
    dialog.batch.resume()
    batches.last("act").succeed(info)
    window.close()
    spin(100)
    if window.question is not None:
        window.question.grab().save(str(folder / "9-closing.png"))
        window.question.reject()
    over = replace(
        info,
        state=BatchState.DONE,
        counts={"done": total - 2, "failed": 1, "skipped": 1},
        fraction=1.0,
        current=None,
        progress=None,
        events=2,
    )
    batches.last("watch").say(over)
    shoot("10-finished")
    dialog.end()
    workers.close()
    del kept


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
