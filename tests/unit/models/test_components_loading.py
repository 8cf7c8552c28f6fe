"""Parts of models out of folders and single files: the same weights, no network, clear errors."""

from __future__ import annotations

import errno
import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import diffusers
import pytest
import torch
from accelerate import init_empty_weights
from diffusers import FluxTransformer2DModel, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_flux_transformer_checkpoint_to_diffusers,
    convert_ldm_unet_checkpoint,
)
from safetensors.torch import load_file, save_file
from tiny_sd import (
    TINY_SDXL,
    checkpoint_of,
    load_parts,
    shared,
    write_sd,
    write_single_file,
)
from torch import Tensor, nn
from transformers import T5Config, T5EncoderModel
from transformers.utils import logging as transformers_logging

from scalediff_engine.base.errors import ModelError, ModelMissing, NotEnoughMemory
from scalediff_engine.families.flux.names import to_diffusers
from scalediff_engine.families.registry import FAMILIES
from scalediff_engine.families.tokenizers import T5_FOLDER
from scalediff_engine.families.unet.model import UNetModel
from scalediff_engine.families.unet.names import published_unet_modules
from scalediff_engine.models.component_loading import fingerprint
from scalediff_engine.models.component_sources import FolderSource
from scalediff_engine.models.components import Components
from scalediff_engine.models.silent_loading import reading
from scalediff_engine.spec.family import family_named

F32 = torch.float32


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, Path]:
    return {name: shared(tmp_path_factory, name) for name in ("sdxl", "sd15", "sd21")}


@pytest.fixture(scope="module")
def files(folders: dict[Any, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[Any, Path]:
    place = tmp_path_factory.mktemp("files")
    return {
        family: write_single_file(folder, family, place / f"{family}.safetensors")
        for family, folder in folders.items()
    }


@pytest.fixture
def own_sdxl(folders: dict[Any, Path], tmp_path: Path) -> Path:
    """A copy of the folder, to be damaged."""
    return shutil.copytree(folders["sdxl"], tmp_path / "own")


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)


def same_words(first: Components, second: Components) -> bool:
    prompts = ["sharp castle", ""]
    ours, theirs = first.encode_text(prompts), second.encode_text(prompts)
    pooled = ours.pooled is theirs.pooled is None or torch.equal(
        *(words.pooled for words in (ours, theirs) if words.pooled is not None)
    )
    return torch.equal(ours.tokens, theirs.tokens) and pooled


@pytest.mark.parametrize("family", ["sdxl", "sd15", "sd21"])
def test_a_folder_and_a_file_are_the_same_model(
    folders: dict[Any, Path], files: dict[Any, Path], family: Any
) -> None:
    folder = load_parts(checkpoint_of(folders[family], family), F32)
    file = load_parts(checkpoint_of(files[family], family), F32, config=folders[family])
    assert same_weights(folder.denoiser, file.denoiser)
    assert same_weights(folder.vae, file.vae)
    assert same_words(folder, file)
    assert file.scheduler == folder.scheduler
    assert not any(module.training for module in (file.denoiser, file.vae))


def test_a_folder_a_file_and_a_cache_give_the_same_pixels_without_a_network(
    folders: dict[Any, Path],
    files: dict[Any, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("a network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    snapshot = in_a_cache(folders["sdxl"], tmp_path / "hub")
    assert (snapshot / "unet" / "config.json").is_symlink()

    def pixels(path: Path) -> Tensor:
        config = folders["sdxl"] if path.is_file() else None
        parts = load_parts(checkpoint_of(path, "sdxl"), F32, config=config)
        model = UNetModel(TINY_SDXL, parts, torch.device("cpu"), F32)
        words = model.condition("sharp castle", "").positive
        z = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            return model.decode(model.predict(z, model.levels(400, 4)[0], words, 1.0))

    expected = pixels(folders["sdxl"])
    assert torch.equal(pixels(files["sdxl"]), expected)
    assert torch.equal(pixels(snapshot), expected)


def in_a_cache(folder: Path, hub: Path) -> Path:
    """The folder as the hub's cache keeps it: links to blobs."""
    repository = hub / "models--some--sdxl"
    snapshot = repository / "snapshots" / "0123abcd"
    (repository / "blobs").mkdir(parents=True)
    for index, file in enumerate(sorted(p for p in folder.rglob("*") if p.is_file())):
        blob = repository / "blobs" / f"{index:064x}"
        shutil.copy(file, blob)
        link = snapshot / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    return snapshot


def test_a_folder_in_half_precision_alone_is_found_by_its_names(
    folders: dict[Any, Path], own_sdxl: Path
) -> None:
    for file in own_sdxl.rglob("*.safetensors"):
        half = {name: weight.half() for name, weight in load_file(file).items()}
        save_file(half, file.with_suffix(".fp16.safetensors"), {"format": "pt"})
        file.unlink()
    whole = load_parts(checkpoint_of(folders["sdxl"], "sdxl"), torch.float16)
    half = load_parts(checkpoint_of(own_sdxl, "sdxl"), torch.float16)
    assert same_weights(whole.denoiser, half.denoiser)
    assert half.vae.dtype is F32
    assert half.weights_hash != whole.weights_hash


def test_weights_for_training_beside_the_others_are_left_alone(
    folders: dict[Any, Path], own_sdxl: Path
) -> None:
    name = "unet/diffusion_pytorch_model.non_ema.safetensors"
    save_file({"other": torch.zeros(1)}, own_sdxl / name)
    whole, own = (load_parts(checkpoint_of(f, "sdxl"), F32) for f in (folders["sdxl"], own_sdxl))
    assert same_weights(whole.denoiser, own.denoiser)
    assert own.weights_hash == whole.weights_hash


def test_the_text_encoders_of_another_model_step_in(
    folders: dict[Any, Path], files: dict[Any, Path], tmp_path: Path
) -> None:
    unet = {n: w for n, w in load_file(files["sdxl"]).items() if n.startswith("model.")}
    save_file(unet, tmp_path / "unet.safetensors")
    alone = checkpoint_of(
        tmp_path / "unet.safetensors", "sdxl", parts=frozenset({"unet"}), vae_safe_in_float16=True
    )
    with pytest.raises(ModelMissing, match=r"unet\.safetensors has no autoencoder; give the"):
        load_parts(alone, F32, config=folders["sdxl"])
    parts = load_parts(alone, F32, (), folders["sdxl"], config=folders["sdxl"])
    whole = load_parts(checkpoint_of(folders["sdxl"], "sdxl"), F32)
    assert same_weights(parts.denoiser, whole.denoiser)
    assert same_weights(parts.vae, whole.vae)
    assert same_words(parts, whole)
    assert not parts.vae_safe_in_float16  # what was known was of the file's own


def test_a_unet_alone_by_the_names_of_diffusers_is_read(
    folders: dict[Any, Path], tmp_path: Path
) -> None:
    unet = UNet2DConditionModel.from_pretrained(folders["sdxl"] / "unet")
    path = tmp_path / "sdxl_lightning_unet.safetensors"
    save_file(unet.state_dict(), path)
    alone = checkpoint_of(path, "sdxl", parts=frozenset({"unet"}), prefix="")
    parts = load_parts(alone, F32, (), folders["sdxl"], config=folders["sdxl"])
    assert same_weights(parts.denoiser, unet)


def test_a_file_of_a_consistency_model_keeps_its_ear_for_guidance(
    folders: dict[Any, Path], tmp_path: Path
) -> None:
    folder = write_sd(tmp_path / "lcm", time_cond_proj_dim=24)
    file = write_single_file(folder, "sd15", tmp_path / "lcm.safetensors")
    lcm = checkpoint_of(file, "sd15", variant="lcm")
    parts = load_parts(lcm, F32, config=folders["sd15"])
    whole = UNet2DConditionModel.from_pretrained(folder / "unet")
    assert same_weights(parts.denoiser, whole)


def test_text_encoders_without_weights_have_the_layers_of_those_with_them(
    folders: dict[Any, Path], flux_config: Path
) -> None:
    for family, folder, count in (("sd21", folders["sd21"], 1), ("flux", flux_config, 2)):
        spec = family_named(family, FAMILIES)
        source = FolderSource(folder, spec)
        for part in spec.text_encoders[:count]:
            outline, whole = source.outline(part), source.text_encoder(part, F32)
            assert all(weight.is_meta for weight in outline.parameters())
            assert dict(outline.named_modules()).keys() == dict(whole.named_modules()).keys()


def test_what_was_guessed_of_the_checkpoint_is_among_the_notes(folders: dict[Any, Path]) -> None:
    guessed = checkpoint_of(folders["sdxl"], "sdxl", notes=("By its name alone.",))
    assert load_parts(guessed, F32).notes == ("By its name alone.",)


def test_what_the_checkpoint_says_of_its_prediction_goes_before_the_configuration(
    folders: dict[Any, Path],
) -> None:
    checkpoint = checkpoint_of(
        folders["sdxl"], "sdxl", prediction="v_prediction", zero_terminal_snr=True
    )
    scheduler = load_parts(checkpoint, F32).scheduler
    assert scheduler["prediction_type"] == "v_prediction"
    assert scheduler["rescale_betas_zero_snr"] is True


def remove(path: Path) -> None:
    path.unlink() if path.is_file() else shutil.rmtree(path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garble(path: Path) -> None:
    path.write_text("{nothing of use")


def as_pickle(path: Path) -> None:
    path.rename(path.with_suffix(".bin"))


UNET = "unet/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder_2/model.safetensors"


@pytest.mark.parametrize(
    ("damage", "at", "kind", "message"),
    [
        (remove, UNET, ModelMissing, "has no U-Net"),
        (remove, "text_encoder_2", ModelMissing, "has no second text encoder; give the folder"),
        (remove, "vae", ModelMissing, "has no autoencoder"),
        (remove, "unet/config.json", ModelError, "U-Net in .*unet cannot be read"),
        (cut, UNET, ModelError, "U-Net in .*unet cannot be read"),
        (cut, TEXT, ModelError, "second text encoder in .*text_encoder_2 cannot be read"),
        (garble, UNET, ModelError, "U-Net in .*unet cannot be read"),
        (garble, "vae/config.json", ModelError, "autoencoder in .*vae cannot be read"),
        (garble, "scheduler/scheduler_config.json", ModelError, "scheduler configuration in"),
        (remove, "scheduler", ModelError, "scheduler configuration in .*: no such file"),
        (remove, "tokenizer", ModelMissing, "tokenizer is missing: there is no .*tokenizer"),
        (garble, "tokenizer_2/vocab.json", ModelError, "second tokenizer in"),
        (as_pickle, UNET, ModelError, r"in \.bin files only"),
    ],
)
def test_damage_is_told_in_a_sentence(
    own_sdxl: Path, damage: Callable[[Path], None], at: str, kind: type[ModelError], message: str
) -> None:
    damage(own_sdxl / at)
    with pytest.raises(kind, match=message) as raised:
        load_parts(checkpoint_of(own_sdxl, "sdxl"), F32).encode_text(["sharp"])
    sentence = str(raised.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "huggingface.co" not in sentence
    assert str(own_sdxl) in sentence


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "text_encoder_2"])
def test_a_weight_that_is_missing_in_a_folder_is_told(own_sdxl: Path, part: str) -> None:
    (file,) = (own_sdxl / part).glob("*.safetensors")
    weights = load_file(file)
    gone = sorted(weights)[3]
    del weights[gone]
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(ModelError, match=f"1 of its weights are missing, '.*{gone[-12:]}'"):
        load_parts(checkpoint_of(own_sdxl, "sdxl"), F32).encode_text(["sharp"])


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ("model.diffusion_model.time_embed.0.weight", "time_embedding.linear_1.weight"),
        ("first_stage_model.encoder.norm_out.bias", "encoder.conv_norm_out.bias"),
        ("conditioner.embedders.1.model.ln_final.bias", "final_layer_norm.bias"),
    ],
)
def test_a_weight_that_is_missing_in_a_file_is_told(
    folders: dict[Any, Path], files: dict[Any, Path], tmp_path: Path, gone: str, told: str
) -> None:
    weights = load_file(files["sdxl"])
    del weights[gone]
    path = tmp_path / "some.safetensors"
    save_file(weights, path)
    with pytest.raises(ModelError, match=rf"some\.safetensors .*{told}"):
        load_parts(checkpoint_of(path, "sdxl"), F32, config=folders["sdxl"]).encode_text(["sharp"])


def test_a_weight_of_another_shape_is_told(
    folders: dict[Any, Path], files: dict[Any, Path], tmp_path: Path
) -> None:
    weights = load_file(files["sd21"])
    weights["model.diffusion_model.time_embed.0.weight"] = torch.zeros(3, 5)
    path = tmp_path / "some.safetensors"
    save_file(weights, path)
    with pytest.raises(ModelError, match=r"is none of sd21's: .* has the shape 3x5 and not 64x16"):
        load_parts(checkpoint_of(path, "sd21"), F32, config=folders["sd21"])


def test_a_file_of_scaled_8_bit_weights_is_refused(files: dict[Any, Path], tmp_path: Path) -> None:
    weights = load_file(files["sd15"])
    weights["model.diffusion_model.time_embed.0.scale_weight"] = torch.ones(1)
    path = tmp_path / "some.safetensors"
    save_file(weights, path)
    with pytest.raises(ModelError, match="8 bits"):
        load_parts(checkpoint_of(path, "sd15"), F32)


def test_text_encoders_of_another_family_are_refused(
    folders: dict[Any, Path], own_sdxl: Path
) -> None:
    shutil.rmtree(own_sdxl / "text_encoder_2")
    with pytest.raises(ModelMissing, match="have no second text encoder"):
        load_parts(checkpoint_of(own_sdxl, "sdxl"), F32, (), folders["sd15"])


@pytest.mark.parametrize(
    ("index", "context", "family"),
    [
        ("StableDiffusionPipeline", 768, "sd15"),
        ("StableDiffusionPipeline", 1024, "sd21"),
        ("StableDiffusionXLInpaintPipeline", 2048, "sdxl"),
        ("FluxPipeline", None, "flux"),
    ],
)
def test_a_folder_of_another_family_is_refused_as_a_source_of_text_encoders(
    folders: dict[Any, Path], own_sdxl: Path, index: str, context: int | None, family: str
) -> None:
    (own_sdxl / "model_index.json").write_text(json.dumps({"_class_name": index}))
    unet = json.loads((own_sdxl / "unet/config.json").read_text())
    (own_sdxl / "unet/config.json").write_text(json.dumps({**unet, "cross_attention_dim": context}))
    wanted = "sd15" if family == "sdxl" else "sdxl"
    with pytest.raises(ModelError, match=rf"of the family {family}, and .* {wanted}'s"):
        load_parts(checkpoint_of(folders[wanted], wanted), F32, (), own_sdxl)


def test_an_autoencoder_of_another_family_is_refused(
    folders: dict[Any, Path], own_sdxl: Path
) -> None:
    shutil.rmtree(own_sdxl / "vae")
    with pytest.raises(
        ModelError, match=r"scaling_factor is 0\.18215 and that of sdxl is 0\.13025"
    ):
        load_parts(checkpoint_of(own_sdxl, "sdxl"), F32, (), folders["sd15"])


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (OSError(errno.ENOMEM, "Cannot allocate memory"), NotEnoughMemory, "main memory"),
        (MemoryError(), NotEnoughMemory, "main memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"),
            NotEnoughMemory,
            "main memory",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), ModelError, "disk is full"),
        (OSError(errno.EACCES, "Permission denied"), ModelError, "permission denied"),
        (KeyError("conv_in"), ModelError, "'conv_in' is missing"),
        (ValueError("Wrong. Ask a programmer.\nOr two."), ModelError, "cannot be read: Wrong"),
        (RuntimeError(), ModelError, "RuntimeError"),
    ],
)
def test_errors_of_libraries_become_sentences(
    raised: Exception, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message), reading("U-Net", Path("model")):
        raise raised


def test_other_libraries_talk_again_after_reading() -> None:
    before = diffusers.logging.get_verbosity(), transformers_logging.get_verbosity()

    def fail() -> NoReturn:
        assert diffusers.logging.get_verbosity() > before[0]
        assert not transformers_logging.is_progress_bar_enabled()
        raise ValueError("on purpose")

    with pytest.raises(ModelError), reading("U-Net", Path("model")):
        fail()
    after = diffusers.logging.get_verbosity(), transformers_logging.get_verbosity()
    assert after == before
    assert transformers_logging.is_progress_bar_enabled()


def test_nothing_is_written_to_the_terminal(
    folders: dict[Any, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    load_parts(checkpoint_of(folders["sdxl"], "sdxl"), F32).encode_text(["sharp"])
    assert capfd.readouterr() == ("", "")


def test_the_fingerprint_tells_trainings_apart(tmp_path: Path) -> None:
    path = tmp_path / "large"
    data = bytearray(6 * 2**20)
    path.write_bytes(data)
    first = fingerprint([path])
    assert first == fingerprint([path])
    assert first != fingerprint([path], ["0.8"])
    data[3 * 2**20 : 3 * 2**20 + 2**18] = b"\1" * 2**18  # any stretch of a training
    path.write_bytes(data)
    assert fingerprint([path]) != first
    path.write_bytes(data + b"\0")
    assert fingerprint([path]) != fingerprint([path, path])
    assert len(first) == 64


@pytest.mark.parametrize("family", ["sd15", "sd21", "sdxl"])
def test_the_names_of_full_size_unets_are_those_that_diffusers_reads(family: Any) -> None:
    with init_empty_weights():
        settings = json.loads(
            (family_named(family, FAMILIES).settings().folder / "unet" / "config.json").read_text()
        )
        unet: Any = UNet2DConditionModel.from_config(settings)
    published = published_unet_modules(unet)
    weights = unet.state_dict()
    there = {
        f"model.diffusion_model.{published[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": w
        for name, w in weights.items()
    }
    assert len(there) == len(weights)
    theirs = convert_ldm_unet_checkpoint(dict(there), settings)
    assert theirs.keys() == weights.keys()
    assert all(theirs[name] is weights[name] for name in weights)


def flux_layers() -> dict[str, tuple[int, ...]]:
    """FLUX's published names with the rows that they have, one block of each kind."""
    width, hidden = 3072, 4 * 3072
    rows = {
        "img_in": width,
        "txt_in": width,
        "final_layer.linear": 64,
        "final_layer.adaLN_modulation.1": 2 * width,
        "single_blocks.0.modulation.lin": 3 * width,
        "single_blocks.0.linear1": 3 * width + hidden,
        "single_blocks.0.linear2": width,
    }
    for name in ("time_in", "vector_in", "guidance_in"):
        rows |= {f"{name}.in_layer": width, f"{name}.out_layer": width}
    for side in ("img", "txt"):
        block = f"double_blocks.0.{side}"
        rows |= {
            f"{block}_mod.lin": 6 * width,
            f"{block}_attn.qkv": 3 * width,
            f"{block}_attn.proj": width,
            f"{block}_mlp.0": hidden,
            f"{block}_mlp.2": width,
        }
    shapes = {f"{n}.weight": (r, 2) for n, r in rows.items()}
    shapes |= {f"{n}.bias": (r,) for n, r in rows.items()}
    for place in ("double_blocks.0.img_attn", "double_blocks.0.txt_attn", "single_blocks.0"):
        shapes |= {f"{place}.norm.{kind}_norm.scale": (128,) for kind in ("query", "key")}
    return shapes


def test_the_names_of_flux_are_those_that_diffusers_gives_them() -> None:
    torch.manual_seed(0)
    weights = {name: torch.randn(shape) for name, shape in flux_layers().items()}
    ours = to_diffusers(weights)
    theirs = convert_flux_transformer_checkpoint_to_diffusers(dict(weights))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert to_diffusers(ours).keys() == ours.keys()


@pytest.fixture
def flux_config(folders: dict[Any, Path], tmp_path: Path) -> Path:
    """The configurations of a tiny FLUX, its text encoders' weights included."""
    folder = tmp_path / "flux"
    torch.manual_seed(4)
    tiny_flux().save_pretrained(folder / "transformer")
    for part in ("vae", "text_encoder", "tokenizer", "scheduler"):
        shutil.copytree(folders["sdxl"] / part, folder / part)
    T5EncoderModel(
        T5Config(vocab_size=32128, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    ).save_pretrained(folder / "text_encoder_2")
    shutil.copytree(T5_FOLDER, folder / "tokenizer_2")
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    return folder


def tiny_flux() -> FluxTransformer2DModel:
    return FluxTransformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 6, 6),
        guidance_embeds=True,
    )


def flux_checkpoint(path: Path, parts: set[Any], prefix: str = "") -> Any:
    return checkpoint_of(
        path,
        "flux",
        prediction="flow",
        variant="dev",
        parts=frozenset(parts),
        prefix=prefix,
        guidance_embedded=True,
    )


def test_a_flux_file_with_text_encoders_in_it_is_read(flux_config: Path, tmp_path: Path) -> None:
    path = tmp_path / "flux.safetensors"
    beginnings = {
        "transformer/diffusion_pytorch_model": "model.diffusion_model.",
        "text_encoder/model": "text_encoders.clip_l.transformer.text_model.",
        "text_encoder_2/model": "text_encoders.t5xxl.transformer.",
    }
    weights = {
        beginning + name: weight
        for file, beginning in beginnings.items()
        for name, weight in load_file(flux_config / f"{file}.safetensors").items()
    }
    save_file(weights, path)
    parts = {"transformer", "text_encoder", "text_encoder_2"}
    checkpoint = flux_checkpoint(path, parts, "model.diffusion_model.")
    loaded = load_parts(checkpoint, F32, (), flux_config, config=flux_config)
    whole = load_parts(flux_checkpoint(flux_config, set()), F32)
    assert same_weights(loaded.denoiser, whole.denoiser)
    assert same_words(loaded, whole)
    assert loaded.scheduler == whole.scheduler


def test_a_flux_transformer_alone_asks_for_the_rest(flux_config: Path, tmp_path: Path) -> None:
    expected = tiny_flux().eval()
    path = tmp_path / "flux1-dev.safetensors"
    save_file(expected.state_dict(), path)
    alone = flux_checkpoint(path, {"transformer"})
    with pytest.raises(ModelMissing, match=r"flux1-dev.* has no .*file of a full FLUX.1 model"):
        load_parts(alone, F32, config=flux_config)
    loaded = load_parts(alone, F32, (), flux_config, config=flux_config)
    assert same_weights(loaded.denoiser, expected)
    assert loaded.encode_text(["sharp stone"]).tokens.shape == (1, 512, 16)
