"""The pages of the folder dialog, over what an engine might say."""

from __future__ import annotations

from pathlib import Path

from fake_batches import FakeBatches, batch, item
from fake_gateway import FakeGateway, models, plan_for, progress
from PIL import Image, ImageOps
from screenshot_material import Material
from screenshot_stage import Page, SilentNotifier, Stage, spin, ways

from scalediff_engine.client.batches import BatchList, BatchState, FileState
from scalediff_engine.client.messages import PlanInfo, PlanRequest, Problem
from scalediff_engine.ui.folder.model import FolderModel
from scalediff_engine.ui.folder.rows import Filter
from scalediff_engine.ui.folder.window import FolderWindow
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.workers import Workers, qt_later

# Which of the pages are shot in which variant.
_SHOWN = {
    "dark": ("folder-running",),
    "light": ("folder-errors",),
    "german": ("folder-errors", "folder-running"),
    "right-to-left": ("folder-running",),
    "large-letters": ("folder-errors", "folder-running"),
}
_SIZES = ((640, 480), (480, 640), (800, 533), (2000, 1500))
_NAMES = (
    *(f"IMG_20{number}.jpg" for number in range(10, 19)),
    *(f"A folder with a long name/and one more/IMG_21{number}.webp" for number in (19, 27, 31)),
    *(f"Norderney/IMG_22{number}.png" for number in (10, 18, 24)),
)
# Pictures that are wider than this are said not to fit.
_WIDEST_PX = 1500
_TOO_LARGE = Problem(
    "not-enough-memory",
    "This upscale needs 19.4 GiB and cuda:0 has 6.1 GiB free. 3072x3072 would fit.",
)


def pages(material: Material) -> tuple[Page, ...]:
    """Give the pages."""
    album = material.folder / "Holiday"
    if not album.exists():
        _fill(album, material.picture)
    return (Page("folder", _Folder(album), tuple(_SHOWN)),)


def _fill(album: Path, picture: Path) -> None:
    """Put pictures of several sizes and formats into a folder, all cut out of one."""
    with Image.open(picture) as opened:
        whole = opened.convert("RGB")
    for number, name in enumerate(_NAMES):
        width, height = _SIZES[number % len(_SIZES)]
        part = ImageOps.fit(whole, (width, height), centering=(number / len(_NAMES), 0.5))
        file = album / name
        file.parent.mkdir(parents=True, exist_ok=True)
        part.save(file)
    (album / "notes.txt").write_text("no picture")


class _Folder:
    def __init__(self, pictures: Path) -> None:
        self._pictures = pictures

    def __call__(self, stage: Stage) -> None:
        gateway, batches, workers = FakeGateway(), FakeBatches(), Workers()
        gateway.at_once.update(models=models, plan=_plan)
        dialog = FolderModel(
            gateway,
            batches,
            qt_later,
            workers,
            [self._pictures],
            Memory(),
            lambda *_: None,
        )
        window = FolderWindow(dialog, stage.look, SilentNotifier(), workers)
        window.offer(ways())
        window.resize(window.sizeHint().expandedTo(window.minimumSizeHint()))
        window.show()
        dialog.begin()
        batches.last("batches").succeed(BatchList([]))
        spin(1500)
        dialog.rows.show(Filter.ERRORS)
        window.view.select_first()
        _shoot(stage, window, "folder-errors")
        dialog.rows.show(Filter.ALL)
        dialog.start()
        _run(batches, self._pictures.name)
        window.view.setCurrentIndex(window.table.index(3, 0))
        _shoot(stage, window, "folder-running")
        window.hide()
        dialog.end()
        dialog.close()
        window.thumbnails.close()
        workers.close()


def _plan(request: PlanRequest) -> PlanInfo:
    return plan_for(request, _TOO_LARGE if request.width > _WIDEST_PX else None)


def _run(batches: FakeBatches, title: str) -> None:
    """Let some files be done."""
    request, files = batches.last("create").args
    waiting = len(files) - 6
    states = [FileState.DONE] * 3 + [FileState.FAILED, FileState.SKIPPED, FileState.RUNNING]
    states += [FileState.WAITING] * waiting
    info = batch(
        title=title,
        state=BatchState.RUNNING,
        counts={"done": 3, "failed": 1, "skipped": 1, "running": 1, "waiting": waiting},
        current=5,
        progress=progress(0.42),
        fraction=0.3,
        seconds_left=4020.0,
        settings=request.settings,
    )
    batches.last("create").succeed(info)
    batches.last("items").tell(
        [
            item(
                index,
                state,
                seconds=74.0 * (index + 1),
                source=files[index].source,
                target=files[index].target,
                problem=_TOO_LARGE if state is FileState.FAILED else None,
            )
            for index, state in enumerate(states)
        ]
    )
    batches.last("items").succeed()


def _shoot(stage: Stage, window: FolderWindow, name: str) -> None:
    spin(300)
    window.refresh()
    if name in _SHOWN[stage.variant.name]:
        stage.shoot(window, name)
