"""Folders that are looked through, remembered and forgotten, and downloads that are removed."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from model_files import unet, write_model

from scalediff_engine.base.errors import ModelError, NotFound
from scalediff_engine.families.registry import FAMILIES
from scalediff_engine.store import scan
from scalediff_engine.store import scan as scanning
from scalediff_engine.store.catalog import aliases, entry_named, licence_of
from scalediff_engine.store.hub_cache import disk_bytes, remove_download
from scalediff_engine.store.hub_fetch import HubFile, Repository, needed
from scalediff_engine.store.scan import (
    added_folders,
    file_in,
    forget_folder,
    places_of_programs,
)

add_folder = partial(scan.add_folder, families=FAMILIES)
scan = partial(scanning.scan, families=FAMILIES)
require_models = partial(scanning.require_models, families=FAMILIES)


def sdxl(path: Path) -> Path:
    return write_model(path, unet(2048))


def test_models_in_folders_are_found_and_what_is_none_is_refused(tmp_path: Path) -> None:
    model = sdxl(tmp_path / "a" / "b" / "one.safetensors")
    (tmp_path / "old.ckpt").write_bytes(b"\x80\x02}")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".hidden.safetensors").write_bytes(b"")
    found = scan(tmp_path)
    assert [one.path for one in found.models] == [model]
    assert [one.path.name for one in found.refused] == ["old.ckpt"]
    assert "pickle" in str(found.refused[0].error).lower()


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "one.safetensors"
    file.write_bytes(b"half")
    assert scan(tmp_path).refused
    sdxl(file)
    assert scan(tmp_path).models


def test_a_programs_folder_is_looked_through_where_its_models_are(tmp_path: Path) -> None:
    model = sdxl(tmp_path / "models" / "checkpoints" / "one.safetensors")
    write_model(tmp_path / "models" / "loras" / "x.safetensors", {"a.lora_up.weight": (4, 4)})
    found = scan(tmp_path)
    assert [one.path for one in found.models] == [model]
    assert not found.refused


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    sdxl(tmp_path / "one.safetensors")
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(scan(tmp_path).models) == 1


def test_a_folder_too_deep_is_not_looked_into(tmp_path: Path) -> None:
    sdxl(tmp_path.joinpath(*"abcdef") / "one.safetensors")
    with pytest.raises(ModelError, match="4 folders deep"):
        require_models(tmp_path)


def test_a_folder_without_a_usable_model_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "old.ckpt").write_bytes(b"\x80\x02}")
    with pytest.raises(ModelError, match=r"None of the 1 files.*pickle"):
        require_models(tmp_path)
    with pytest.raises(ModelError, match="cannot be read"):
        require_models(tmp_path / "none")


def test_folders_are_remembered_once_and_forgotten_without_harm(tmp_path: Path) -> None:
    model = sdxl(tmp_path / "mine" / "one.safetensors")
    file = file_in(tmp_path / "home" / "data")
    for _ in range(2):
        assert len(add_folder(file, tmp_path / "mine").models) == 1
    assert added_folders(file) == (tmp_path / "mine",)
    forget_folder(file, tmp_path / "mine")
    assert added_folders(file) == ()
    assert model.exists()
    with pytest.raises(NotFound):
        forget_folder(file, tmp_path / "mine")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1, null]", b'["relative"]', b"[" * 10**5])
def test_a_damaged_list_of_folders_is_empty(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model-folders.json"
    file.write_bytes(content)
    assert added_folders(file) == ()


def test_an_empty_folder_is_not_remembered(tmp_path: Path) -> None:
    file = file_in(tmp_path / "data")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="no model"):
        add_folder(file, tmp_path / "empty")
    assert not file.exists()


def test_the_folders_of_other_programs_are_known(tmp_path: Path) -> None:
    comfy = tmp_path / ".local/share/krita/ai_diffusion/server/ComfyUI/models/checkpoints"
    forge = tmp_path / "elsewhere" / "models" / "Stable-diffusion"
    invoke = tmp_path / "invokeai" / "models"
    for folder in (comfy, forge, invoke):
        folder.mkdir(parents=True)
    (tmp_path / "ComfyUI").symlink_to(comfy.parents[1])
    found = places_of_programs(
        {"HOME": str(tmp_path), "SD_WEBUI_PATH": str(tmp_path / "elsewhere")}
    )
    assert [place.source for place in found] == ["ComfyUI", "A1111/Forge", "InvokeAI"]
    assert found[1].path == forge
    assert places_of_programs({"HOME": str(tmp_path / "nobody")}) == ()


def download(cache: Path, hub_id: str = "org/name") -> Path:
    folder = cache / f"models--{hub_id.replace('/', '--')}"
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs" / "abc").write_bytes(b"x" * 1000)
    (folder / "snapshots" / "1").mkdir(parents=True)
    (folder / "snapshots" / "1" / "file").symlink_to("../../blobs/abc")
    return folder


def test_a_download_is_removed_and_says_what_it_freed(tmp_path: Path) -> None:
    folder = download(tmp_path)
    assert disk_bytes(folder) == 1000
    assert remove_download(tmp_path, "org/name") == 1000
    assert not folder.exists()
    with pytest.raises(ModelError, match="not deleted"):
        remove_download(tmp_path, "org/name")


def test_nothing_outside_the_cache_is_removed(tmp_path: Path) -> None:
    mine = download(tmp_path / "mine")
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "models--org--name").symlink_to(mine)
    with pytest.raises(ModelError, match="not deleted"):
        remove_download(cache, "org/name")
    with pytest.raises(ModelError, match="not deleted"):
        remove_download(cache, "x/../../mine/models--org--name")
    assert (mine / "blobs" / "abc").exists()


def files(*names: str) -> list[HubFile]:
    return [HubFile(name, len(name), None, name) for name in names]


def names_of(*names: str) -> set[str]:
    return {file.name for file in needed(files("model_index.json", *names), "org/name")}


def test_each_network_comes_once_in_16_bits_where_there_are_any() -> None:
    assert names_of(
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.fp16.bin",
        "safety_checker/model.safetensors",
        "v1-5-pruned.safetensors",
        "text_encoder/openvino/model.fp16.safetensors",
    ) == {
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    }


def test_pieces_come_with_their_own_index() -> None:
    pieces = [f"transformer/diffusion_pytorch_model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    half = [f"text_encoder_2/model.fp16-0000{i}-of-00002.safetensors" for i in (1, 2)]
    index = "transformer/diffusion_pytorch_model.safetensors.index.json"
    half_index = "text_encoder_2/model.safetensors.index.fp16.json"
    others = [
        "text_encoder_2/model-00001-of-00001.safetensors",
        "text_encoder_2/model.safetensors.index.json",
    ]
    assert names_of(*pieces, *half, index, half_index, *others) == {
        "model_index.json",
        *pieces,
        *half,
        index,
        half_index,
    }


def test_a_model_of_pickles_is_not_downloaded() -> None:
    with pytest.raises(ModelError, match="unet on the hub as a pickle"):
        needed(files("model_index.json", "unet/diffusion_pytorch_model.bin"), "org/name")
    with pytest.raises(ModelError, match=r"model_index\.json"):
        needed(files("model.safetensors"), "org/name")


def test_each_offer_has_a_family_a_licence_and_a_page() -> None:
    from scalediff_engine.families.registry import registered

    for offer in (entry for family in FAMILIES for entry in family.catalog.entries):
        assert registered(offer.name) is not None
        assert aliases(FAMILIES)[offer.name][0] == offer.hub_id
        assert licence_of(offer.hub_id, FAMILIES) == offer.licence
        assert entry_named(offer.name, FAMILIES) is offer
    assert licence_of("somebody/something", FAMILIES) == ""


ODD_WORDS = ["", ".", "..", "../x", "/etc", "A" * 40, "g" * 40, "0" * 39, "0" * 40 + "\n", "0" * 41]


@pytest.mark.parametrize("word", ODD_WORDS)
def test_a_hub_names_no_place_outside_the_cache(tmp_path: Path, word: str) -> None:
    with pytest.raises(ModelError, match="hash"):
        Repository(tmp_path, word)
    repository = Repository(tmp_path, "0" * 40)
    for file in (HubFile("a.json", 1, None, word), HubFile("a.json", 1, word or None, word)):
        for ask in (repository.blob, repository.draft, repository.arrived_bytes):
            with pytest.raises(ModelError, match="hash"):
                ask(file)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "/x", "a//b", "a/../../x", "a\\..\\x", "C:x", "a\0", "a/"]
)
def test_a_file_of_the_hub_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    repository = Repository(tmp_path, "0" * 40)
    with pytest.raises(ModelError, match="plain name"):
        repository.pointer(HubFile(name, 1, None, "1" * 40))


def test_whatever_cannot_be_looked_at_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdxl(tmp_path / "one.safetensors")
    (tmp_path / "odd").mkdir()
    stat = os.stat

    def refusing(path: Any, *rest: Any, **more: Any) -> os.stat_result:
        if str(path).endswith("odd"):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *rest, **more)

    monkeypatch.setattr(os, "stat", refusing)
    assert len(scan(tmp_path).models) == 1


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc")
def test_a_folder_of_the_system_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_MOST_ENTRIES", 500)  # of those that may be read
    with pytest.raises(ModelError, match="/proc"):
        require_models(Path("/proc"))


def test_a_folder_that_holds_too_much_is_not_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdxl(tmp_path / "one.safetensors")
    for number in range(30):
        (tmp_path / f"{number}.txt").touch()
    assert len(require_models(tmp_path).models) == 1
    monkeypatch.setattr(scanning, "_MOST_ENTRIES", 20)
    with pytest.raises(ModelError, match="more than 20 files"):
        require_models(tmp_path)
    assert not scan(tmp_path).is_whole
