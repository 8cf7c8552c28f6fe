"""The program that downloads a model, against a hub on this computer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from fake_hub import COMMIT, FakeHub, hub, sdxl_files

from scalediff_engine.families.registry import FAMILIES
from scalediff_engine.store.hub_cache import is_arriving, repository_folder, snapshot
from scalediff_engine.store.inspect import inspect

ROOT = Path(__file__).parents[3]
NAME = "stabilityai/stable-diffusion-xl-base-1.0"
UNET = "unet/diffusion_pytorch_model.fp16.safetensors"
LONG = 4_000_000


@pytest.fixture(scope="module")
def there() -> Generator[FakeHub]:
    """One for all: starting the library takes longer than what is tested."""
    with hub({}) as found:
        yield found


@pytest.fixture
def the_hub(there: FakeHub) -> FakeHub:
    there.__init__({NAME: sdxl_files(LONG)}, url=there.url)
    return there


class Running:
    """A download's process."""

    def __init__(self, the_hub: FakeHub, cache: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if name[:3] != "HF_"}
        environment |= {"HF_ENDPOINT": the_hub.url, "HF_HOME": str(cache / "home")}
        environment |= {"PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "scalediff_engine.store.download"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        told = {"hub_id": NAME, "cache": str(cache)}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def until_end(self) -> list[dict[str, Any]]:
        assert self.process.stdout is not None
        said = [json.loads(line) for line in self.process.stdout]
        self.close()
        return said

    def close(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(20)


Download = Callable[..., Running]


@pytest.fixture
def download(tmp_path: Path) -> Generator[Download]:
    begun: list[Running] = []

    def begin(the_hub: FakeHub) -> Running:
        begun.append(Running(the_hub, tmp_path))
        return begun[-1]

    yield begin
    for running in begun:
        running.process.kill()
        running.close()


def test_a_model_arrives_with_what_is_needed_and_nothing_else(
    the_hub: FakeHub, download: Download, tmp_path: Path
) -> None:
    said = download(the_hub).until_end()
    assert [one["event"] for one in said][:: len(said) - 1] == ["checking", "done"]
    assert said[-2]["done_bytes"] == said[-2]["total_bytes"]
    folder = snapshot(repository_folder(tmp_path, NAME))
    assert folder is not None
    assert folder.name == COMMIT
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "model_index.json",
        "unet/config.json",
        UNET,
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/config.json",
        "text_encoder/model.fp16.safetensors",
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
    }
    for name in names:
        assert (folder / name).read_bytes() == the_hub.files[NAME][name]
    assert the_hub.asked[-1].endswith("model_index.json")
    assert not is_arriving(repository_folder(tmp_path, NAME))
    assert inspect(folder, FAMILIES).family == "sdxl"


@pytest.mark.slow
def test_a_second_download_fetches_nothing(the_hub: FakeHub, download: Download) -> None:
    download(the_hub).until_end()
    the_hub.asked.clear()
    said = download(the_hub).until_end()
    assert said[-1] == {"event": "done"}
    assert [path for path in the_hub.asked if "/resolve/" in path] == []


@pytest.mark.slow
def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    the_hub: FakeHub, download: Download, tmp_path: Path
) -> None:
    the_hub.files[NAME] = {
        name: data for name, data in the_hub.files[NAME].items() if "text" not in name
    }
    del the_hub.files[NAME]["vae/diffusion_pytorch_model.bin"]
    # of the autoencoder, which is the smaller one and whole the second time; of the U-Net, twice
    the_hub.break_after = [500, 10_000, 1_000_000, 500_000]
    said = download(the_hub).until_end()
    assert said[-1] == {"event": "done"}, said
    starts = [int((asked or "bytes=0-")[6:].rstrip("-")) for asked in the_hub.ranges][2:]
    assert starts[0] == 0
    assert 0 < starts[1] <= 1_000_000
    assert starts[1] < starts[2] <= starts[1] + 500_000
    folder = snapshot(repository_folder(tmp_path, NAME))
    assert folder is not None
    assert (folder / UNET).read_bytes() == the_hub.files[NAME][UNET]


def test_a_killed_download_goes_on_where_it_stopped(
    the_hub: FakeHub, download: Download, tmp_path: Path
) -> None:
    the_hub.slow_seconds = 0.01
    first = download(the_hub)
    while first.hear().get("done_bytes", 0) < 1_000_000:
        pass
    first.process.kill()
    first.close()
    repository = repository_folder(tmp_path, NAME)
    (draft,) = (repository / "blobs").glob("*.incomplete")
    arrived = draft.stat().st_size
    assert 0 < arrived < len(the_hub.files[NAME][UNET])
    assert not (repository / "refs" / "main").exists()
    the_hub.slow_seconds = 0.0
    the_hub.ranges.clear()
    said = download(the_hub).until_end()
    assert said[-1] == {"event": "done"}
    assert the_hub.ranges == [f"bytes={arrived}-"]
    assert said[1]["done_bytes"] >= arrived
    folder = snapshot(repository)
    assert folder is not None
    assert (folder / UNET).read_bytes() == the_hub.files[NAME][UNET]


@pytest.mark.slow
def test_a_server_that_knows_no_parts_sends_it_all_again(
    the_hub: FakeHub, download: Download, tmp_path: Path
) -> None:
    the_hub.break_after = [500, 500, 1_000_000]
    the_hub.ignores_range = True
    said = download(the_hub).until_end()
    assert said[-1] == {"event": "done"}, said
    folder = snapshot(repository_folder(tmp_path, NAME))
    assert folder is not None
    assert (folder / UNET).read_bytes() == the_hub.files[NAME][UNET]


@pytest.mark.slow
def test_who_closes_the_input_ends_it(the_hub: FakeHub, download: Download, tmp_path: Path) -> None:
    the_hub.slow_seconds = 0.5
    running = download(the_hub)
    while running.hear()["event"] != "progress":
        pass
    assert running.close() == 0
    assert snapshot(repository_folder(tmp_path, NAME)) is None  # it has not gone on to the end


def test_a_file_with_another_hash_is_not_kept(
    the_hub: FakeHub, download: Download, tmp_path: Path
) -> None:
    the_hub.spoilt = {UNET}
    said = download(the_hub).until_end()
    assert (said[-1]["event"], said[-1]["code"]) == ("failed", "model-unusable")
    assert "hash" in said[-1]["message"]
    repository = repository_folder(tmp_path, NAME)
    assert not is_arriving(repository)
    blobs = [path.read_bytes() for path in (repository / "blobs").iterdir()]
    assert not [blob for blob in blobs if len(blob) > LONG]
    the_hub.spoilt = set()
    assert download(the_hub).until_end()[-1] == {"event": "done"}


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "GatedRepo", ("accept its licence", "hf auth login")),
        pytest.param(
            401, "GatedRepo", ("accept its licence", "hf auth login"), marks=pytest.mark.slow
        ),
        pytest.param(403, "", ("status 403", "hf auth login"), marks=pytest.mark.slow),
        pytest.param(500, "", ("status 500", "resumes where"), marks=pytest.mark.slow),
    ],
)
def test_a_refusal_says_what_to_do(
    the_hub: FakeHub, download: Download, status: int, code: str, words: tuple[str, ...]
) -> None:
    the_hub.status, the_hub.error_code = status, code
    said = download(the_hub).until_end()
    assert (said[-1]["event"], said[-1]["code"]) == ("failed", "model-unusable")
    for word in words:
        assert word.lower() in said[-1]["message"].lower()
    assert f"huggingface.co/{NAME}" in said[-1]["message"] or status == 500


@pytest.mark.slow
def test_a_model_that_the_hub_does_not_have_is_told(the_hub: FakeHub, download: Download) -> None:
    the_hub.files.clear()
    said = download(the_hub).until_end()
    assert (said[-1]["event"], said[-1]["code"]) == ("failed", "model-missing")


@pytest.mark.slow
def test_a_hub_that_is_not_there_is_told(the_hub: FakeHub, download: Download) -> None:
    url, the_hub.url = the_hub.url, "http://127.0.0.1:9"
    said = download(the_hub).until_end()
    the_hub.url = url
    assert (said[-1]["event"], said[-1]["code"]) == ("failed", "model-unusable")
    assert "connection" in said[-1]["message"].lower()


def test_a_model_larger_than_the_disk_is_refused_before_it_begins(
    the_hub: FakeHub, download: Download, tmp_path: Path
) -> None:
    the_hub.huge = {UNET: 10**15}
    said = download(the_hub).until_end()
    assert (said[-1]["event"], said[-1]["code"]) == ("failed", "disk-full")
    assert "1000000.0 GB" in said[-1]["message"]
    assert not [path for path in the_hub.asked if "/resolve/" in path]
    assert not repository_folder(tmp_path, NAME).exists()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
def test_a_disk_that_is_full_in_the_middle_is_told(
    the_hub: FakeHub, download: Download, tmp_path: Path
) -> None:
    blobs = repository_folder(tmp_path, NAME) / "blobs"
    blobs.mkdir(parents=True)
    key = next(
        one["lfs"]["sha256"] for one in the_hub.info(NAME)["siblings"] if one["rfilename"] == UNET
    )
    (blobs / f"{key}.incomplete").symlink_to("/dev/full")
    said = download(the_hub).until_end()
    assert (said[-1]["event"], said[-1]["code"]) == ("failed", "disk-full")
    assert "resumes where it stopped" in said[-1]["message"]
