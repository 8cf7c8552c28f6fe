"""What screenshots of the upscale dialog show: a picture, and what the real engine made of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtGui import QImage

from scalediff_engine.client import codec
from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import (
    JobEvent,
    JobInfo,
    JobRequest,
    ModelList,
    PlanInfo,
    PlanRequest,
    UpscaleSettings,
    Window,
)
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.client.places import Places
from scalediff_engine.client.start import find
from scalediff_engine.ui.picture import Picture, Raster, make_picture, read_mapped

ROOT = Path(__file__).parents[2]
SIDE_PX = 256
SETTINGS = UpscaleSettings(scale=4.0, prompt="a lake below snowy mountains", seed=4711)
WINDOW = Window(256, 384, 384, 288)
# Of the work that is done when the picture of the progress is taken.
_SHOWN_FRACTION = 0.55


@dataclass(frozen=True)
class Material:
    """What the engine said, in the order in which it said it.

    Attributes:
        picture: that was upscaled
        folder: what was said is kept in
        look: at the part ``WINDOW`` of the result, through the loupe
    """

    picture: Path
    folder: Path
    source: Picture
    plan: PlanInfo
    too_large: PlanInfo
    models: ModelList
    event: JobEvent
    preview: Raster
    job: JobInfo
    result: Picture
    look: Picture


def material(picture: Path, folder: Path) -> Material:
    """Give what an upscale of a picture shows; asks the engine only the first time.

    Args:
        picture: of any size; it is shrunk first
        folder: what was said is kept in
    """
    if not (folder / "job.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _record(picture, folder)
    return Material(
        picture,
        folder,
        _source(picture),
        codec.loads(PlanInfo, (folder / "plan.json").read_bytes()),
        codec.loads(PlanInfo, (folder / "too-large.json").read_bytes()),
        codec.loads(ModelList, (folder / "models.json").read_bytes()),
        codec.loads(JobEvent, (folder / "event.json").read_bytes()),
        picture.from_image(QImage(str(folder / "preview.jpg"))),
        codec.loads(JobInfo, (folder / "job.json").read_bytes()),
        read_mapped(folder / "result.pixels"),
        read_mapped(folder / "look.pixels"),
    )


def _source(picture: Path) -> Picture:
    with Image.open(picture) as opened:
        image = opened.convert("RGB")
    image.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    header = PixelHeader(image.width, image.height, "rgb", "u8")
    return make_picture(header, b"", np.asarray(image).reshape(-1))


def _record(picture: Path, folder: Path) -> None:
    """Let an engine of our own do it, and keep what it says."""
    source = _source(picture)
    home = folder / "home"
    command = [sys.executable, "-m", "scalediff_engine", "serve", "--home", str(home)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while (record := find(Places(home))) is None:
            time.sleep(0.1)
        client = Client(lambda: record)
        _keep(client, source, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _keep(client: Client, source: Picture, folder: Path) -> None:
    request = PlanRequest(source.width, source.height, SETTINGS)
    image = client.upload(source.header, source.samples.data)
    first = client.submit(JobRequest(image.id, UpscaleSettings(scale=1.5)))
    for _ in client.watch(first.id):  # from then on the engine knows the machine
        pass
    (folder / "plan.json").write_bytes(codec.dumps(client.plan(request)))
    large = UpscaleSettings(scale=16.0, max_memory_gib=6.0)
    too_large = client.plan(PlanRequest(source.width, source.height, large))
    (folder / "too-large.json").write_bytes(codec.dumps(too_large))
    (folder / "models.json").write_bytes(codec.dumps(client.models()))
    job = client.submit(JobRequest(image.id, SETTINGS, title="Lake"))
    is_shown = False
    with client.watch(job.id) as events:
        for event in events:
            found = event.progress
            if is_shown or found is None or not found.preview:
                continue
            if found.fraction >= _SHOWN_FRACTION:
                is_shown = True
                (folder / "event.json").write_bytes(codec.dumps(event))
                (folder / "preview.jpg").write_bytes(client.preview(job.id))
    client.save_result(job.id, folder / "result.pixels")
    look = client.submit(JobRequest(image.id, SETTINGS, keep=False, window=WINDOW))
    for _ in client.watch(look.id):
        pass
    client.save_result(look.id, folder / "look.pixels")
    (folder / "job.json").write_bytes(codec.dumps(client.job(job.id)))
