"""Batches with the real worker and the embedded model come to what the command line makes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
from batching import begun, finish, items, jobs_left, names_in, states
from engines import EngineProcess, engine, real_worker, until
from PIL import Image, ImageCms

from scalediff_engine.client.batches import BatchFile, BatchState, Existing, FileState
from scalediff_engine.client.messages import UpscaleSettings
from scalediff_engine.client.places import Places
from scalediff_engine.images.reader import load
from scalediff_engine.images.recipe import read_recipe

SETTINGS = UpscaleSettings(scale=2, steps=6, seed=5, device="cpu")
OPTIONS = ("--scale", "2", "--steps", "6", "--seed", "5", "--device", "cpu")
SIDE = 72
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def pixels(seed: int, channels: int) -> np.ndarray:
    """(H, W, C) soft shapes with some noise, 0..1."""
    rows, cols = np.mgrid[:SIDE, : SIDE + 16] / SIDE
    planes = [np.sin(5 * rows + k + seed) * np.cos(7 * cols - k) for k in range(channels)]
    noise = np.random.default_rng(seed).normal(0, 0.03, (*rows.shape, channels))
    return np.clip(0.5 + 0.4 * np.stack(planes, axis=-1) + noise, 0, 1)


def make_pictures(folder: Path) -> list[BatchFile]:
    """A 16-bit TIFF with a profile, a JPEG on its side, a PNG with transparency, CMYK."""
    folder.mkdir(parents=True)
    tifffile.imwrite(
        folder / "deep.tif",
        np.rint(pixels(1, 3) * 65535).astype(np.uint16),
        photometric="rgb",
        iccprofile=ICC,
    )
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    as_bytes = np.rint(pixels(2, 4) * 255).astype(np.uint8)
    Image.fromarray(as_bytes[..., :3]).save(folder / "side.jpg", exif=exif, quality=95)
    Image.fromarray(as_bytes, "RGBA").save(folder / "clear.png")
    Image.frombytes("CMYK", as_bytes.shape[1::-1], as_bytes.tobytes()).save(folder / "ink.tif")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return [
        BatchFile(str(path), str(folder / "big" / f"{path.stem}_x2{path.suffix}"))
        for path in sorted(folder.iterdir())
    ]


@dataclass(frozen=True)
class Known:
    """What the command line makes of the pictures."""

    results: dict[str, bytes]

    def require(self, files: list[BatchFile]) -> None:
        for file in files:
            target = Path(file.target)
            if target.stem != "broken_x2":
                assert target.read_bytes() == self.results[target.name], target.name


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    folder = tmp_path_factory.mktemp("known") / "in"
    make_pictures(folder)
    output = folder.parent / "out"
    command = [sys.executable, "-m", "scalediff_engine", "upscale", str(folder), *OPTIONS]
    more = ["--output-dir", str(output), "--name", "{stem}_x2", "--quiet"]
    done = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
    assert done.returncode == 6, done.stderr  # one of them is broken
    return Known({path.name: path.read_bytes() for path in output.iterdir()})


def kill_worker(running: EngineProcess) -> None:
    pid = running.client.health().worker_pid
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def kill_engine(running: EngineProcess) -> None:
    worker = running.client.health().worker_pid
    running.kill()
    if worker is not None:  # nobody is left that it could work for
        until(lambda: not psutil.pid_exists(worker) or _is_zombie(worker), 10)
    running.start()


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_batch_makes_what_the_command_line_makes(tmp_path: Path, known: Known) -> None:
    files = make_pictures(tmp_path / "in")
    with engine(tmp_path / "home", real_worker(tmp_path / "home", 5)) as running:
        client = running.client.for_batches()
        batch = begun(client, files, settings=SETTINGS)
        info = finish(client, batch)
        assert info.counts == {"done": 4, "failed": 1}
        broken = items(client, batch)[0]
        assert broken.state is FileState.FAILED
        assert broken.problem is not None
        assert broken.problem.code == "picture-unreadable"
        known.require(files)
        deep = load(Path(files[2].target)).picture
        assert (deep.depth.name, deep.icc) == ("U16", ICC)
        assert read_recipe(Path(files[2].target)) is not None
        assert until(lambda: not jobs_left(running), 5)

        again = begun(client, files, settings=SETTINGS)
        assert finish(client, again).counts == {"failed": 5}
        skipping = begun(client, files, settings=SETTINGS, existing=Existing.SKIP)
        assert finish(client, skipping).counts == {"failed": 1, "skipped": 4}
        known.require(files)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kill", [kill_worker, kill_engine])
def test_whoever_is_killed_the_results_are_the_same(
    kill: Callable[[EngineProcess], None], tmp_path: Path, known: Known
) -> None:
    chance = random.Random(11)  # noqa: S311 - no secret
    files = make_pictures(tmp_path / "in")[1:4]
    with engine(tmp_path / "home", real_worker(tmp_path / "home", 0.15)) as running:
        client = running.client.for_batches()
        batch = begun(client, files, settings=SETTINGS)
        for index in range(len(files)):
            until(lambda index=index: reached(running, batch, index), 120)
            time.sleep(chance.uniform(0, 0.8) if index else 0)
            kill(running)
        assert finish(client, batch).counts == {"done": len(files)}
        known.require(files)
        begun_times = log_of(running).count(" begins.")
        assert begun_times > len(files)  # not every moment was before or after the work
        names = sorted(Path(file.target).name for file in files)
        assert names_in(tmp_path / "in" / "big") == names  # and nothing half written
        assert until(lambda: not jobs_left(running), 5)


def log_of(running: EngineProcess) -> str:
    return (Places(running.home).log / "worker.log").read_text()


def reached(running: EngineProcess, batch: str, index: int) -> bool:
    info = running.client.for_batches().batch(batch)
    if info.state is BatchState.DONE or (info.current or 0) > index:
        return True
    return info.current == index and info.progress is not None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_batch_that_was_paused_goes_on_after_a_restart_and_sees_a_changed_source(
    tmp_path: Path, known: Known
) -> None:
    files = make_pictures(tmp_path / "in")[1:3]
    longer = replace(SETTINGS, steps=30)
    with engine(tmp_path / "home", real_worker(tmp_path / "home", 1000)) as running:
        client = running.client.for_batches()
        batch = begun(client, files, settings=longer)
        until(lambda: (p := client.batch(batch).progress) and p.step >= 3, 120)
        client.act(batch, "pause")
        until(lambda: states(client, batch)[0] is FileState.WAITING, 30)
        assert running.end() == 0
        first = Path(files[0].source)
        first.write_bytes((tmp_path / "in" / "side.jpg").read_bytes())  # another picture now
        running.start()
        assert client.batch(batch).state is BatchState.PAUSED
        client.act(batch, "resume")
        assert finish(client, batch).counts == {"done": 2}
        other = BatchFile(files[0].source, str(tmp_path / "in" / "big" / "other.png"))
        fresh = begun(client, [other], settings=longer)
        assert finish(client, fresh).counts == {"done": 1}
        assert Path(other.target).read_bytes() == Path(files[0].target).read_bytes()
