"""Makes pictures of the dialog in all its states.

Run it as ``python screenshots.py PICTURE FOLDER [de|ar] [light] [big]``.
"""

# ruff: noqa: E402 - the platform is chosen before Qt is imported

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

import numpy as np
from fake_gateway import FakeGateway, FakeLater, event, job, models, plan_for, progress
from PIL import Image
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from scalediff_engine.ui import language
from scalediff_engine.ui.colours import Scheme
from scalediff_engine.ui.compare import drift
from scalediff_engine.ui.dialog import DialogModel
from scalediff_engine.ui.files import read_with_pillow
from scalediff_engine.ui.look import Look
from scalediff_engine.ui.notify import Notifier
from scalediff_engine.ui.origin import SessionOrigin
from scalediff_engine.ui.picture import Picture, make_picture
from scalediff_engine.ui.upscale.extent import Unit
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.view.state import Mode
from scalediff_engine.ui.window import UpscaleWindow
from scalediff_engine.wire.messages import JobState, Problem, SessionInfo, SessionState
from scalediff_engine.wire.pixels import PixelHeader


class NoNotifier(Notifier):
    def begin(self, on_click: object) -> bool:
        return True

    def say(self, title: str, text: str) -> None: ...

    def end(self) -> None: ...


def enlarged(picture: Picture, sharpness: float) -> Picture:
    """Something like a result."""
    shape = (picture.height, picture.width, picture.header.channels)
    image = Image.fromarray(np.asarray(picture.samples).reshape(shape)[..., :3])
    large = image.resize((image.width * 4, image.height * 4), Image.Resampling.LANCZOS)
    pixels = np.asarray(large).astype(np.float32)
    pixels += np.random.default_rng(0).normal(0, sharpness, pixels.shape)
    pixels[200:600, 300:900, 0] += 7
    samples = np.clip(pixels, 0, 255).astype(np.uint8).reshape(-1)
    return make_picture(PixelHeader(large.width, large.height, "rgb", "u8"), b"", samples)


def main(folder: Path, words: list[str]) -> None:
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
    look = Look(Scheme.LIGHT if "light" in words else Scheme.DARK)
    look.put_on(app)
    gateway, later = FakeGateway(), FakeLater()
    gateway.at_once["plan"] = plan_for
    gateway.at_once["models"] = models
    dialog = DialogModel(gateway, later, SessionOrigin(gateway, "s"), Memory(), lambda _: None)
    window = UpscaleWindow(dialog, look, NoNotifier())
    window.resize(1180, 760)
    window.show()

    def shoot(name: str) -> None:
        QTest.qWait(30)
        window.grab().save(str(folder / f"{name}.png"))

    dialog.begin()
    shoot("0-loading")
    picture = read_with_pillow(Path(sys.argv[1]))
    title = "Layer 3: Hafen bei Nacht"
    info = SessionInfo("s", SessionState.OPEN, "i", "krita", title, 1)
    gateway.last("session").succeed(info)
    gateway.last("image").succeed(picture)
    shoot("1-choosing")
    assert dialog.upscale is not None
    panel = window.settings_panel
    assert panel is not None
    dialog.upscale.say_in(Unit.MILLIMETRES)
    later.pass_ms(500)
    for _ in range(6):
        QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
    shoot("2-millimetres-focus")
    dialog.upscale.say_in(Unit.SCALE)
    gateway.at_once["plan"] = lambda request: plan_for(
        request,
        Problem(
            "not-enough-memory",
            "This upscale needs 9.4 GiB and cuda:0 has 6.1 GiB free. 3072x3072 would fit, or "
            "--low-memory.",
        ),
    )
    later.pass_ms(500)
    from PySide6.QtWidgets import QToolButton

    for button in panel.findChildren(QToolButton):
        if button.arrowType() != Qt.ArrowType.NoArrow:
            button.setChecked(True)
    shoot("3-does-not-fit")
    gateway.at_once["plan"] = plan_for
    dialog.upscale.change(replace(dialog.upscale.choices, prompt="a harbour at night", seed=4711))
    later.pass_ms(500)
    dialog.start()
    shoot("4-starting")
    gateway.last("submit").succeed(job(state=JobState.QUEUED))
    watch = gateway.last("watch")
    watch.say(event(1, progress=progress(0.42, 75.0, preview=1)))
    result = enlarged(picture, 3.0)
    gateway.last("preview").succeed(enlarged(picture, 25.0).raster)
    shoot("5-running")
    dialog.progress.pause()
    watch.say(event(2, JobState.PAUSED))
    shoot("6-paused")
    watch.say(event(3, JobState.DONE))
    watch.succeed()
    done = job(
        state=JobState.DONE, recipe='{"seed": 4711, "model": "embedded"}',
        width=result.width, height=result.height,
        source_width=picture.width, source_height=picture.height,
    )  # fmt: skip
    gateway.last("job").succeed(done)
    gateway.last("result").succeed(result)
    shoot("7-split")
    window.view.set_mode(Mode.SIDE_BY_SIDE)
    window.view.zoom_to(2.0)
    shoot("8-side-by-side-200")
    window.view.set_mode(Mode.SPLIT)
    window.view.fit()
    found = drift.measure(picture.raster.arrays[0], result.raster.arrays[0])
    dialog.tries = dialog.tries.with_drift(1, found)
    from scalediff_engine.ui.view.view_bar import ViewBar

    bar = window.findChild(ViewBar)
    for button in bar.findChildren(QToolButton):
        if "(M)" in button.toolTip():
            button.setChecked(True)
    dialog.changed.tell()
    shoot("9-drift")
    window.close()
    del kept


if __name__ == "__main__":
    main(Path(sys.argv[2]), sys.argv[3:])
