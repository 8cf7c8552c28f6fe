"""Makes pictures of the whole path in a real GIMP: ``screenshots.py PICTURE FOLDER``.

The way of somebody who uses it for the first time: the menu, no engine, the dialog, the result, and
the same once more without the dialog. For PICTURE something of about 200 pixels does well.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[3])]

from driven import REPEAT, UPSCALE, Driven, driven, plugin_processes  # noqa: E402
from gimp_host import Engine, Gimp, until  # noqa: E402
from PIL import Image  # noqa: E402
from x11 import Screen, screen  # noqa: E402

WIDTH, HEIGHT = 1440, 900
SHOWN = (1080, 675)
# Where the pointer is in nobody's way, and where keys are heard.
ASIDE, OVER = (700, 890), (700, 420)
DIALOG = (240, 110, 1000, 680)
OPEN = """
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path({file!r}))
layer = image.get_layers()[0]
layer.set_name("photo")
display = Gimp.Display.new(image)
Gimp.displays_flush()
"""
LONG = json.dumps(
    {"scalediff": 1, "canvas": "keep", "settings": {"scale": 4.0, "steps": 300, "preset": "fast"}}
)


class Tour:
    """Goes through it.

    Args:
        windows: GIMP
        engine: which is not running yet
        made: folder for the pictures as they come
    """

    def __init__(self, windows: Driven, engine: Engine, made: Path) -> None:
        self._windows, self._engine, self._made = windows, engine, made
        self._screen: Screen = windows.screen
        self._main = 0

    def go(self, picture: Path) -> None:
        """Leave all pictures."""
        self._open(picture)
        self._menu()
        self._first_use()
        self._dialog()
        self._status_bar()

    def _open(self, picture: Path) -> None:
        self._windows.ask(OPEN.format(file=str(picture)))
        time.sleep(1)
        self._main = list(self._screen.windows().values())[-1]
        self._screen.resize(self._main, 0, 0, WIDTH, HEIGHT)
        time.sleep(2)
        self._press("Control_L", "Shift_L", "J")  # the whole image in its window
        time.sleep(1)

    def _menu(self) -> None:
        self._press("Alt_L", "r")
        time.sleep(1)
        for key in ("Down", "Down", "Right"):  # past what is grey, to Enhance
            self._screen.press(key)
            time.sleep(0.4)
        self._screen.move(*ASIDE)
        self._shoot("menu")
        for _ in range(3):
            self._screen.press("Escape")
            time.sleep(0.3)

    def _first_use(self) -> None:
        self._press(*UPSCALE)
        until(lambda: "ScaleDiff" in self._screen.windows(), 20)
        window = self._screen.windows()["ScaleDiff"]
        self._screen.focus(window)
        self._screen.move(*ASIDE)
        self._shoot("first-use")
        shots = {"canvas": "scale", "shots": str(self._made), "host": "gimp"}
        self._engine.says("person", **shots)
        self._engine.start()
        self._screen.focus(window)
        time.sleep(0.5)
        self._screen.press("Return")
        until(lambda: "ScaleDiff" not in self._screen.windows(), 20)

    def _dialog(self) -> None:
        """Be the window manager, while somebody uses the dialog."""
        seen: set[int] = {self._main}

        def is_over() -> bool:
            for title, window in self._screen.windows().items():
                if "ScaleDiff" in title and window not in seen:
                    seen.add(window)
                    self._screen.resize(window, *DIALOG)
                    self._screen.focus(window)
            return not plugin_processes(self._windows)

        until(is_over, 120)
        time.sleep(1)
        self._press("Control_L", "Shift_L", "J")
        self._screen.move(*ASIDE)
        self._shoot("result")

    def _status_bar(self) -> None:
        file = "Path(Gimp.directory()) / 'scalediff-upscale.json'"
        self._windows.ask(f"({file}).write_text({LONG!r})")
        self._press("Control_L", "z")
        time.sleep(2)
        self._press("Control_L", "Shift_L", "J")
        time.sleep(1)
        self._press(*REPEAT)
        until(self._engine.running, 30)
        self._screen.move(*ASIDE)
        time.sleep(4)
        self._shoot("status-bar")

    def _press(self, *keys: str) -> None:
        self._screen.focus(self._main)
        self._screen.move(*OVER)
        time.sleep(0.3)
        self._screen.press(*keys)

    def _shoot(self, name: str) -> None:
        time.sleep(1)
        self._screen.picture().save(self._made / f"gimp-{name}.png")


def main(picture: Path, folder: Path) -> None:
    """Run the path once and keep its pictures."""
    with tempfile.TemporaryDirectory() as made, screen(f"{WIDTH}x{HEIGHT}x24") as shown:
        beside = Path(made) / "engine"
        engine = Engine(beside / "home")
        engine.home.mkdir(parents=True, mode=0o700)
        shutil.copyfile(picture, beside / "photo.png")
        gimp = Gimp(Path(made) / "user", engine.home)
        try:
            with driven(gimp, beside / "windows", shown) as windows:
                Tour(windows, engine, Path(made)).go(beside / "photo.png")
        finally:
            engine.end()
        folder.mkdir(parents=True, exist_ok=True)
        for shot in Path(made).glob("gimp-*.png"):
            with Image.open(shot) as opened:
                small = opened.convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)
                few = small.quantize(200, method=Image.Quantize.MEDIANCUT)
                few.save(folder / shot.name, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
