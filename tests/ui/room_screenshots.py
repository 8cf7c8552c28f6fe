"""Makes pictures of the models dialog, the recent results and the first start.

Run it as ``python room_screenshots.py PICTURE FOLDER [de|ar] [light] [big]``.
"""

# ruff: noqa: E402 - the platform is chosen before Qt is imported

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from fake_gateway import GIB, FakeGateway, FakeLater, job, model, progress
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from scalediff_engine.base.editors import Editor, Host
from scalediff_engine.client.messages import (
    DeviceInfo,
    DownloadList,
    DownloadState,
    Health,
    JobList,
    JobState,
    ModelDownload,
    ModelFolder,
    ModelList,
    ModelPlace,
    Problem,
    RefusedModel,
    WorkerState,
)
from scalediff_engine.ui import language
from scalediff_engine.ui.files import PictureFiles
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.models.model import ModelsModel
from scalediff_engine.ui.models.window import ModelsWindow
from scalediff_engine.ui.recent.model import RecentModel
from scalediff_engine.ui.recent.window import RecentWindow
from scalediff_engine.ui.welcome.model import WelcomeModel
from scalediff_engine.ui.welcome.window import WelcomeWindow
from scalediff_engine.ui.workers import Workers

SOURCE_PIXELS = 96
RAIL = "CreativeML Open RAIL++-M"
TOO_LARGE = Problem(
    "not-enough-memory",
    "An upscale to 2048x2048 needs 48.9 GiB and the CPU has 19.9 GiB to use. Not even a small "
    "picture fits.",
)


def listed() -> ModelList:
    """A computer with something of everything."""
    home = "/home/ada"
    cache = f"{home}/.cache/huggingface/hub"
    return ModelList(
        [
            model(
                "embedded",
                title="ScaleDiff embedded (comes with the program)",
                licence="Apache License 2.0",
                memory_bytes=round(4.5 * GIB),
            ),
            model(
                "sdxl",
                title="Stable Diffusion XL",
                size_bytes=6_940_000_000,
                memory_bytes=round(13.2 * GIB),
                path=f"{cache}/models--stabilityai--stable-diffusion-xl-base-1.0/snapshots/46216598",
                source="Hugging Face",
                licence=RAIL,
                licence_url="https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0",
                frees_bytes=6_940_000_000,
                native_width=1024,
                native_height=1024,
            ),
            model(
                f"{home}/ComfyUI/models/checkpoints/juggernautXL_v9.safetensors",
                "sdxl",
                title="juggernautXL_v9",
                size_bytes=6_620_000_000,
                memory_bytes=round(13.2 * GIB),
                path=f"{home}/ComfyUI/models/checkpoints/juggernautXL_v9.safetensors",
                place=ModelPlace.ELSEWHERE,
                source="ComfyUI",
                native_width=1024,
                native_height=1024,
            ),
            model(
                "flux",
                title="FLUX.1 [dev]",
                size_bytes=33_700_000_000,
                installed=False,
                place=ModelPlace.DOWNLOADABLE,
                licence="FLUX.1 [dev] Non-Commercial License",
                licence_url="https://huggingface.co/black-forest-labs/FLUX.1-dev",
                memory_bytes=round(48.9 * GIB),
                memory_problem=TOO_LARGE,
                native_width=1024,
                native_height=1024,
            ),
            model(
                "sd15",
                title="Stable Diffusion 1.5",
                size_bytes=2_100_000_000,
                installed=False,
                place=ModelPlace.DOWNLOADABLE,
                licence="CreativeML Open RAIL-M",
                licence_url="https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5",
                memory_bytes=round(7.9 * GIB),
                arrived_bytes=800_000_000,
                native_width=512,
                native_height=512,
            ),
        ],
        [
            ModelFolder("/media/ada/models", "", True, 3),
            ModelFolder(f"{home}/ComfyUI/models/checkpoints", "ComfyUI", False, 1),
        ],
        [
            RefusedModel(
                f"{home}/ComfyUI/models/checkpoints/old-model.ckpt",
                Problem(
                    "model-unusable",
                    f"{home}/ComfyUI/models/checkpoints/old-model.ckpt is a pickle, which can run "
                    "programs when it is opened. Use a .safetensors file of the same model.",
                ),
            )
        ],
        cache,
        77 * GIB,
    )


def jobs() -> JobList:
    """One that runs and some that are done."""
    now = time.time()
    names = ("Hafen bei Nacht – Ebene 3 (Himmel, zweite Fassung)", "cat.png", "Scan 0042.tif")
    done = [
        job(
            f"d{index}",
            JobState.DONE,
            title=name,
            width=4 * SOURCE_PIXELS,
            height=4 * SOURCE_PIXELS,
            source_width=SOURCE_PIXELS,
            source_height=SOURCE_PIXELS,
            updated_at=now - ago,
            progress=progress(1.0, preview=1),
        )
        for index, (name, ago) in enumerate(zip(names, (40, 4000, 70000), strict=True))
    ]
    runs = job("r", title="Poster.kra", updated_at=now, progress=progress(0.42, preview=1))
    return JobList([runs, *done])


class Shots:
    """Takes pictures of windows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, window: QWidget, name: str) -> None:
        window.resize(window.sizeHint().expandedTo(window.minimumSizeHint()))
        QTest.qWait(40)
        window.grab().save(str(self._folder / f"{name}.png"))


def shoot_models(shoot: Shots, look: Look) -> None:
    """The models dialog."""
    gateway, later = FakeGateway(), FakeLater()
    dialog = ModelsModel(gateway, later)
    window = ModelsWindow(dialog, look)
    window.show()
    dialog.begin()
    shoot(window, "models-0-looking")
    gateway.last("models").succeed(listed())
    gateway.last("downloads").succeed(DownloadList([]))
    dialog.choose("sdxl")
    window.details.where.unfold(True)
    shoot(window, "models-1-installed")
    window.details.where.unfold(False)
    dialog.choose("flux")
    window.activateWindow()
    for _ in range(3):
        QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
    shoot(window, "models-2-downloadable")
    dialog.choose("sd15")
    dialog.start_download()
    running = ModelDownload(
        "1", "sd15", "SD", DownloadState.RUNNING, 1_100_000_000, 2_100_000_000, 312.0
    )
    gateway.last("download_model").succeed(running)
    shoot(window, "models-3-running")
    gateway.last("downloads").succeed(
        DownloadList(
            [
                ModelDownload(
                    "1",
                    "sd15",
                    "SD",
                    DownloadState.FAILED,
                    1_100_000_000,
                    2_100_000_000,
                    problem=Problem(
                        "model-unusable",
                        "black-forest-labs/FLUX.1-dev is given to those alone who accept its "
                        "licence. Accept it on https://huggingface.co/black-forest-labs/FLUX.1-dev"
                        ", run `hf auth login` once with a token of yours, and start the download "
                        "again.",
                    ),
                )
            ]
        )
    )
    shoot(window, "models-4-failed")
    dialog.choose(dialog.entries[-1].key)
    shoot(window, "models-5-refused")
    window.close()


def shoot_recent(shoot: Shots, look: Look, picture: Any) -> None:
    """The recent results, alone and for an editor."""
    for session in (None, "s"):
        gateway, later = FakeGateway(), FakeLater()
        gateway.at_once["preview"] = lambda _: picture.raster
        gateway.at_once["image"] = lambda _: picture
        gateway.at_once["result"] = lambda _: picture
        recent = RecentModel(gateway, later, PictureFiles(), Workers(1), session)
        recent.host = "krita"
        window = RecentWindow(recent, look)
        window.show()
        recent.begin()
        gateway.last("jobs").succeed(jobs())
        shoot(window, f"recent-{'editor' if session else 'alone'}-1")
        recent.choose("d0")
        recent.compare()
        shoot(window, f"recent-{'editor' if session else 'alone'}-2")
        window.hide()


def shoot_welcome(shoot: Shots, look: Look) -> None:
    """The first start."""
    gateway, later = FakeGateway(), FakeLater()
    gateway.at_once["models"] = listed
    device = DeviceInfo("the CPU", 20 * GIB)
    gateway.at_once["health"] = lambda: Health(
        "1", 1, 1, 1.0, 1, device, WorkerState.NONE, None, 0, 0
    )
    places = (
        Host(Editor.KRITA, Path("/home/ada/.local/share/krita/pykrita")),
        Host(Editor.GIMP, Path("/home/ada/.config/GIMP/3.0/plug-ins"), is_found=False),
    )
    pages = WelcomeModel(gateway, later, places, lambda _: None, lambda: None)
    window = WelcomeWindow(pages, look)
    window.show()
    pages.begin()
    shoot(window, "welcome-1")
    pages.go_on()
    pages.choose("sd15")
    shoot(window, "welcome-2")
    pages.go_on()
    shoot(window, "welcome-3")
    window.close()


def main(folder: Path, words: list[str]) -> None:
    """Make them all."""
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
    shoot = Shots(folder)
    picture = PictureFiles().read(Path(sys.argv[1]))
    shoot_models(shoot, look)
    shoot_recent(shoot, look, picture)
    shoot_welcome(shoot, look)
    del kept


if __name__ == "__main__":
    main(Path(sys.argv[2]), sys.argv[3:])
