from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import SDXL_PARTS, unet, write_folder, write_json, write_model

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.families.registry import FAMILIES
from scalediff_engine.store import locate as store_locate
from scalediff_engine.store.catalog import aliases
from scalediff_engine.store.hub_cache import cache_folder

locate = partial(store_locate.locate, families=FAMILIES)
cached_models = partial(store_locate.cached_models, FAMILIES)

SDXL_ID = "stabilityai/stable-diffusion-xl-base-1.0"


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    return {"HF_HUB_CACHE": str(tmp_path / "hub"), "HOME": str(tmp_path / "home")}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths start in an empty folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def _repository(environment: Mapping[str, str], hub_id: str) -> Path:
    return Path(environment["HF_HUB_CACHE"]) / f"models--{hub_id.replace('/', '--')}"


def _download(environment: Mapping[str, str], hub_id: str, commit: str = "0a1b") -> Path:
    """A finished download as the hub's tools leave it."""
    repository = _repository(environment, hub_id)
    class_name = "FluxPipeline" if "FLUX" in hub_id else "StableDiffusionXLPipeline"
    weights = ("transformer",) if "FLUX" in hub_id else ("unet",)
    folder = write_folder(repository / "snapshots" / commit, class_name, weights=weights)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "blobs").mkdir(exist_ok=True)
    return folder


def _refusal(word: str, environment: Mapping[str, str]) -> str:
    with pytest.raises(ModelError) as caught:
        locate(word, environment=environment)
    return str(caught.value)


# paths


def test_existing_paths_are_themselves(
    tmp_path: Path, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_model(tmp_path / "home" / "m.safetensors", {})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert locate(str(file), environment=environment) == file
    assert locate("~/m.safetensors", environment=environment) == file
    assert locate(str(tmp_path), environment=environment) == tmp_path


def test_a_relative_folder_goes_before_a_name_of_the_hub(environment: Mapping[str, str]) -> None:
    _download(environment, "org/name")
    Path("org/name").mkdir(parents=True)
    assert locate("org/name", environment=environment) == Path("org/name")


def test_a_known_word_goes_before_a_folder_of_that_name(environment: Mapping[str, str]) -> None:
    Path("sdxl").mkdir()
    folder = _download(environment, SDXL_ID)
    assert locate("SDXL", environment=environment) == folder
    assert locate("./sdxl", environment=environment) == Path("sdxl")


@pytest.mark.parametrize(
    "word",
    [
        "m.safetensors",
        "./x",
        "../x/y",
        "/no/where",
        "~/x",
        "a/b/c",
        "C:\\m",
        "org/m.ckpt",
        "x.gguf",
    ],
)
def test_a_missing_path_is_said_to_be_one(word: str, environment: Mapping[str, str]) -> None:
    sentence = _refusal(word, environment)
    assert "no such file or folder" in sentence
    assert "hf download" not in sentence


# the cache


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/hub"),
        ({"HF_HOME": "~/b", "HOME": "/me"}, "/me/b/hub"),
        ({"HF_HUB_CACHE": "", "XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({"HOME": "/me"}, "/me/.cache/huggingface/hub"),
    ],
)
def test_the_environment_says_where_the_cache_is(
    environment: Mapping[str, str], folder: str
) -> None:
    assert cache_folder(environment) == Path(folder)


def test_a_name_of_the_hub_is_found(environment: Mapping[str, str]) -> None:
    folder = _download(environment, "some-org/My.Model_1")
    assert locate("some-org/My.Model_1", environment=environment) == folder


def test_the_main_snapshot_goes_before_a_newer_one(environment: Mapping[str, str]) -> None:
    newer = _download(environment, "org/name", "bbbb")
    folder = _download(environment, "org/name", "aaaa")
    os.utime(newer, (2e9, 2e9))
    assert locate("org/name", environment=environment) == folder


@pytest.mark.parametrize("ref", [None, "gone", "..", ""])
def test_without_a_main_snapshot_the_newest_is_taken(
    environment: Mapping[str, str], ref: str | None
) -> None:
    newer = _download(environment, "org/name", "aaaa")
    _download(environment, "org/name", "bbbb")
    os.utime(newer, (2e9, 2e9))
    main = _repository(environment, "org/name") / "refs" / "main"
    main.unlink()
    if ref is not None:
        main.write_text(ref)
    assert locate("org/name", environment=environment) == newer


def test_a_word_takes_the_first_that_is_there(environment: Mapping[str, str]) -> None:
    schnell = _download(environment, "black-forest-labs/FLUX.1-schnell")
    assert locate("flux", environment=environment) == schnell
    dev = _download(environment, "black-forest-labs/FLUX.1-dev")
    assert locate("flux", environment=environment) == dev


@pytest.mark.parametrize("word", aliases(FAMILIES))
def test_a_missing_word_says_where_it_looked_and_what_helps(
    word: str, environment: Mapping[str, str]
) -> None:
    with pytest.raises(ModelMissing) as caught:
        locate(word, environment=environment)
    sentence = str(caught.value)
    assert environment["HF_HUB_CACHE"] in sentence
    assert f"hf download {aliases(FAMILIES)[word][0]}" in sentence
    assert ("licence" in sentence) is word.startswith("flux")


def test_a_missing_name_of_the_hub_says_the_command(environment: Mapping[str, str]) -> None:
    sentence = _refusal("org/name", environment)
    assert "hf download org/name" in sentence
    assert "licence" not in sentence
    assert "licence" in _refusal("stabilityai/stable-diffusion-3.5-large", environment)


@pytest.mark.parametrize("word", ["", "no-such-word", "~nobody-here", "a\0b", "x" * 5000])
def test_any_other_word_says_what_there_is(word: str, environment: Mapping[str, str]) -> None:
    sentence = _refusal(word, environment)
    assert "sdxl-turbo" in sentence or "no such file" in sentence


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_without_its_blob_is_an_unfinished_download(
    environment: Mapping[str, str],
) -> None:
    folder = _download(environment, SDXL_ID)
    (folder / "vae" / "diffusion_pytorch_model.safetensors").symlink_to("../../../blobs/aa")
    (folder / "x.txt").symlink_to("../../blobs/bb")
    sentence = _refusal("sdxl", environment)
    assert "has not finished" in sentence
    assert "and 1 more did not arrive" in sentence
    assert cached_models(environment) == ()
    assert f"hf download {SDXL_ID}" in sentence


def test_a_blob_on_its_way_is_an_unfinished_download(environment: Mapping[str, str]) -> None:
    folder = _download(environment, SDXL_ID)
    (_repository(environment, SDXL_ID) / "blobs" / "aa.incomplete").touch()
    assert "vae, text_encoder, text_encoder_2 did not arrive" in _refusal("sdxl", environment)
    (folder / "model_index.json").unlink()
    assert "settings did not arrive" in _refusal("sdxl", environment)


def test_traces_of_an_old_attempt_do_not_matter(environment: Mapping[str, str]) -> None:
    folder = _download(environment, SDXL_ID)
    write_folder(folder)
    (_repository(environment, SDXL_ID) / "blobs" / "aa.incomplete").touch()
    assert locate("sdxl", environment=environment) == folder


def test_a_download_that_just_began_is_unfinished(environment: Mapping[str, str]) -> None:
    blobs = _repository(environment, "org/name") / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "aa.incomplete").touch()
    assert "no file is complete yet" in _refusal("org/name", environment)


def test_an_unfinished_download_does_not_hide_a_finished_one(
    environment: Mapping[str, str],
) -> None:
    blobs = _repository(environment, "black-forest-labs/FLUX.1-dev") / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "aa.incomplete").touch()
    assert "has not finished" in _refusal("flux", environment)
    schnell = _download(environment, "black-forest-labs/FLUX.1-schnell")
    assert locate("flux", environment=environment) == schnell


@given(word=st.text(max_size=40))
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_raises_only_model_errors(word: str, environment: Mapping[str, str]) -> None:
    try:
        found = locate(word, environment=environment)
    except ModelError:
        return
    assert found.exists()


# the list


def test_the_list_holds_what_can_be_used(environment: Mapping[str, str]) -> None:
    folder = _download(environment, SDXL_ID)
    file = write_model(
        _repository(environment, "org/files") / "snapshots" / "0a" / "photo.safetensors",
        unet(2048) | SDXL_PARTS,
    )
    write_folder(_repository(environment, "org/other") / "snapshots" / "0a", "OtherPipeline")
    damaged = _repository(environment, "org/damaged") / "snapshots" / "0a"
    write_json(damaged / "model_index.json", [])
    write_model(_repository(environment, "org/lora") / "snapshots" / "0a" / "l.safetensors", {})
    _repository(environment, "org/empty").mkdir()
    _repository(environment, "org/a-file").touch()
    assert [found.path for found in cached_models(environment)] == [file, folder]


def test_without_a_cache_the_list_is_empty(environment: Mapping[str, str]) -> None:
    assert cached_models(environment) == ()
