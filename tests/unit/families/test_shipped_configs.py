"""The shipped settings give the published networks, proven on devices without memory."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
import transformers
from model_files import write_model
from torch import nn

from scalediff_engine.families.registry import FAMILIES
from scalediff_engine.families.tokenizers import CLIP_FOLDER, T5_FOLDER
from scalediff_engine.spec.checkpoint import Family, Naming, Variant
from scalediff_engine.spec.family import ShippedTokenizer, family_named
from scalediff_engine.store import inspect as store_inspect

inspect = partial(store_inspect.inspect, families=FAMILIES)


def config_folder(family: Family, variant: Variant = "base") -> Path:
    return family_named(family, FAMILIES).settings(variant).folder


def tokenizers(family: Family, variant: Variant = "base") -> tuple[ShippedTokenizer, ...]:
    return family_named(family, FAMILIES).settings(variant).tokenizers


CLIP_L, CLIP_H, CLIP_G, T5 = 123_060_480, 340_387_840, 694_659_840, 4_762_310_656
VAE, FLUX_VAE = 83_653_863, 83_819_683
PARAMETERS: dict[tuple[Family, Variant], dict[str, int]] = {
    ("sd15", "base"): {"unet": 859_520_964, "vae": VAE, "text_encoder": CLIP_L},
    ("sd21", "base"): {"unet": 865_910_724, "vae": VAE, "text_encoder": CLIP_H},
    ("sdxl", "base"): {
        "unet": 2_567_463_684,
        "vae": VAE,
        "text_encoder": CLIP_L,
        "text_encoder_2": CLIP_G,
    },
    ("flux", "dev"): {
        "transformer": 11_901_408_320,
        "vae": FLUX_VAE,
        "text_encoder": CLIP_L,
        "text_encoder_2": T5,
    },
    ("flux", "schnell"): {
        "transformer": 11_891_178_560,
        "vae": FLUX_VAE,
        "text_encoder": CLIP_L,
        "text_encoder_2": T5,
    },
}
MODELS = pytest.mark.parametrize(("family", "variant"), PARAMETERS)
CAT = [49406, 320, 1125, 539, 320, 2368, 49407]


def _index(folder: Path) -> dict[str, Any]:
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    return {name: entry for name, entry in index.items() if isinstance(entry, list) and entry[0]}


def _empty(folder: Path, part: str) -> nn.Module:
    """A part as its settings describe it, without memory for its weights."""
    library, class_name = _index(folder)[part]
    with torch.device("meta"):
        if library == "diffusers":
            part_class = getattr(diffusers, class_name)
            return part_class.from_config(part_class.load_config(folder / part))
        part_class = getattr(transformers, class_name)
        return part_class(part_class.config_class.from_pretrained(folder / part))


@MODELS
def test_each_part_has_the_parameters_of_the_published_one(
    family: Family, variant: Variant
) -> None:
    folder = config_folder(family, variant)
    counted = {
        part: sum(weight.numel() for weight in _empty(folder, part).parameters())
        for part in PARAMETERS[family, variant]
    }
    assert counted == PARAMETERS[family, variant]


@MODELS
def test_the_index_names_each_part_and_nothing_else(family: Family, variant: Variant) -> None:
    names = {tokenizer.name for tokenizer in tokenizers(family, variant)}
    assert _index(config_folder(family, variant)).keys() == {
        *PARAMETERS[family, variant],
        *names,
        "scheduler",
    }


@MODELS
def test_the_scheduler_is_that_of_the_index(family: Family, variant: Variant) -> None:
    folder = config_folder(family, variant)
    scheduler_class = getattr(diffusers, _index(folder)["scheduler"][1])
    scheduler = scheduler_class.from_pretrained(folder / "scheduler", local_files_only=True)
    assert scheduler.config.num_train_timesteps == 1000
    prediction = {"sd21": "v_prediction", "flux": None}.get(family, "epsilon")
    assert scheduler.config.get("prediction_type") == prediction


@MODELS
def test_a_file_with_the_published_names_is_recognised(
    tmp_path: Path, family: Family, variant: Variant
) -> None:
    part = "transformer" if family == "flux" else "unet"
    network = _empty(config_folder(family, variant), part)
    shapes = {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
    found = inspect(write_model(tmp_path / "model.safetensors", shapes))
    assert (found.family, found.variant, found.parts) == (family, variant, {part})
    assert found.naming is Naming.DIFFUSERS
    assert found.weight_bytes == 2 * PARAMETERS[family, variant][part]


def test_diffusers_reads_a_single_file_with_the_folder(tmp_path: Path) -> None:
    folder = config_folder("sdxl")
    names = _empty(folder, "vae").state_dict()
    path = write_model(tmp_path / "vae.safetensors", {k: tuple(v.shape) for k, v in names.items()})
    vae = diffusers.AutoencoderKL.from_single_file(
        str(path), config=str(folder), subfolder="vae", dtype=torch.float16, local_files_only=True
    )
    assert vae.config["scaling_factor"] == 0.13025
    assert sum(weight.numel() for weight in vae.parameters()) == VAE


# vocabularies


def _tokenizer(family: Family, place: int) -> Any:
    shipped = tokenizers(family)[place]
    return getattr(transformers, shipped.class_name).from_pretrained(
        shipped.folder, pad_token=shipped.pad_token, local_files_only=True
    )


@pytest.mark.parametrize("class_name", ["CLIPTokenizer", "CLIPTokenizerFast"])
def test_clip_numbers_a_sentence_as_published(class_name: str) -> None:
    folder = CLIP_FOLDER
    tokenizer = getattr(transformers, class_name).from_pretrained(folder, local_files_only=True)
    assert tokenizer("a photo of a cat").input_ids == CAT
    assert tokenizer("A  Photo of\na cat").input_ids == CAT
    assert len(tokenizer) == 49408
    assert tokenizer.model_max_length == 77
    assert tokenizer.pad_token_id == 49407


@pytest.mark.parametrize(
    ("family", "place", "pad"),
    [("sd15", 0, 49407), ("sd21", 0, 0), ("sdxl", 0, 49407), ("sdxl", 1, 0)],
)
def test_short_prompts_are_filled_up(family: Family, place: int, pad: int) -> None:
    ids = _tokenizer(family, place)("a photo of a cat", padding="max_length").input_ids
    assert ids == CAT + [pad] * 70


@pytest.mark.parametrize("class_name", ["T5Tokenizer", "T5TokenizerFast"])
def test_t5_numbers_a_sentence_as_published(class_name: str) -> None:
    folder = T5_FOLDER
    tokenizer = getattr(transformers, class_name).from_pretrained(folder, local_files_only=True)
    ids = tokenizer("Translate English to German: a photo of a cat.").input_ids
    assert ids == [30355, 15, 1566, 12, 2968, 10, 3, 9, 1202, 13, 3, 9, 1712, 5, 1]
    assert len(tokenizer) == 32100
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (0, 1, 2)
    assert tokenizer.convert_tokens_to_ids("<extra_id_0>") == 32099


def test_flux_reads_prompts_with_both() -> None:
    assert _tokenizer("flux", 0)("a photo of a cat").input_ids == CAT
    assert _tokenizer("flux", 1)("cat", padding="max_length").input_ids[:3] == [1712, 1, 0]


def test_what_ships_is_small() -> None:
    folders = [form.folder for family in FAMILIES for form in family.shipped.values()]
    folders.append(CLIP_FOLDER.parents[1])
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 6_000_000
    assert {path.suffix for path in files if path.suffix != ".pyc"} == {".json", ".txt", ".md"}


def test_the_room_never_imports_torch() -> None:
    code = (
        "import pkgutil, sys, importlib, scalediff_engine.store as room\n"
        "for found in pkgutil.iter_modules(room.__path__, room.__name__ + '.'):\n"
        "    importlib.import_module(found.name)\n"
        "heavy = ('torch', 'diffusers', 'transformers', 'huggingface_hub', 'numpy')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
