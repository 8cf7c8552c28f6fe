"""LoRA files fused into weights: by whatever names, to the sum that they stand for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import FluxTransformer2DModel, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from tiny_sd import TINY_SDXL, WIDTH, checkpoint_of, load_parts, shared
from torch import Tensor, nn
from transformers import CLIPTextModelWithProjection

from scalediff_engine.base.errors import ModelError
from scalediff_engine.families.flux.loader import LOADER as FLUX_LOADER
from scalediff_engine.families.sdxl.loader import LOADER as SDXL_LOADER
from scalediff_engine.families.unet.model import UNetModel
from scalediff_engine.families.unet.names import published_unet_modules
from scalediff_engine.models.lora import Lora, LoraLayer, fuse, named_layers, read_lora
from scalediff_engine.spec.checkpoint import LoraFile

RANK = 3
STRENGTH = 0.7
QUERY = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
OUT = "mid_block.attentions.0.transformer_blocks.1.attn2.to_out.0"
FEED = "up_blocks.0.attentions.1.transformer_blocks.0.ff.net.0.proj"
CONV = "down_blocks.1.resnets.0.conv1"
SHORTCUT = "up_blocks.1.resnets.2.conv_shortcut"
DOWNSAMPLER = "down_blocks.0.downsamplers.0.conv"
UPSAMPLER = "up_blocks.0.upsamplers.0.conv"
TIME = "time_embedding.linear_1"
LABEL = "add_embedding.linear_2"
EDGE = "conv_in"
LINEAR = (QUERY, OUT, FEED)
ALL = (*LINEAR, CONV, SHORTCUT, DOWNSAMPLER, UPSAMPLER, TIME, LABEL, EDGE)

# The published names of the layers above, counted by hand in the published U-Net's three levels.
PUBLISHED = {
    QUERY: "input_blocks.4.1.transformer_blocks.0.attn1.to_q",
    OUT: "middle_block.1.transformer_blocks.1.attn2.to_out.0",
    FEED: "output_blocks.1.1.transformer_blocks.0.ff.net.0.proj",
    CONV: "input_blocks.4.0.in_layers.2",
    SHORTCUT: "output_blocks.5.0.skip_connection",
    DOWNSAMPLER: "input_blocks.3.0.op",
    UPSAMPLER: "output_blocks.2.2.conv",
    TIME: "time_embed.0",
    LABEL: "label_emb.0.2",
    EDGE: "input_blocks.0.0",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared(tmp_path_factory, "sdxl")


@pytest.fixture
def unet(folder: Path) -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(folder / "unet")


def factors(module: nn.Module, seed: int) -> tuple[Tensor, Tensor]:
    """Random down and up for a layer."""
    generator = torch.Generator().manual_seed(seed)
    shape = module.get_parameter("weight").shape
    up_shape = (shape[0], RANK, *[1] * (len(shape) - 2))
    return (
        torch.randn(RANK, *shape[1:], generator=generator),
        torch.randn(up_shape, generator=generator),
    )


def kohya(name: str, down: Tensor, up: Tensor, alpha: float) -> dict[str, Tensor]:
    start = "lora_unet_" + name.replace(".", "_")
    return {
        f"{start}.lora_down.weight": down,
        f"{start}.lora_up.weight": up,
        f"{start}.alpha": torch.tensor(alpha),
    }


def kohya_published(name: str, down: Tensor, up: Tensor, alpha: float) -> dict[str, Tensor]:
    return kohya(PUBLISHED[name], down, up, alpha)


def peft(name: str, down: Tensor, up: Tensor, alpha: float) -> dict[str, Tensor]:
    start = f"unet.{name}"
    return {
        f"{start}.lora_A.weight": down,
        f"{start}.lora_B.weight": up,
        f"{start}.alpha": torch.tensor(alpha),
    }


def peft_bare(name: str, down: Tensor, up: Tensor, alpha: float) -> dict[str, Tensor]:
    return {
        n.replace("unet.", "base_model.model.").replace("_A.", "_A.default."): w
        for n, w in peft(name, down, up, alpha).items()
    }


def old_diffusers(name: str, down: Tensor, up: Tensor, alpha: float) -> dict[str, Tensor]:
    if ".attn" not in name:
        start = f"unet.{name}.lora"
    else:
        layer, _, inside = name.partition("to_")
        start = f"unet.{layer}processor.to_{inside.removesuffix('.0')}_lora"
    # it knew no alpha: what other trainers divide by goes into the weights
    return {f"{start}.down.weight": down, f"{start}.up.weight": up * (alpha / RANK)}


Naming = Callable[[str, Tensor, Tensor, float], dict[str, Tensor]]


def write(
    path: Path, unet: UNet2DConditionModel, naming: Naming, layers: tuple[str, ...] = ALL
) -> Path:
    modules = dict(unet.named_modules())
    weights: dict[str, Tensor] = {}
    for seed, name in enumerate(layers):
        weights |= naming(name, *factors(modules[name], seed), 1.5)
    save_file(weights, path)
    return path


@pytest.mark.parametrize("naming", [kohya, kohya_published, peft, peft_bare, old_diffusers])
def test_weights_are_the_sum_by_every_naming(
    unet: UNet2DConditionModel, naming: Naming, tmp_path: Path
) -> None:
    before = {name: weight.clone() for name, weight in unet.state_dict().items()}
    path = write(tmp_path / "some.safetensors", unet, naming)
    modules = dict(unet.named_modules())
    expected = dict(before)
    for seed, name in enumerate(ALL):
        down, up = factors(modules[name], seed)
        product = torch.einsum("or,ri->oi", up.flatten(1).double(), down.flatten(1).double())
        weight = before[f"{name}.weight"]
        added = STRENGTH * 1.5 / RANK * product.view_as(weight)
        expected[f"{name}.weight"] = (weight.double() + added).float()
    assert fuse(unet, "unet", Lora.read(path, STRENGTH), SDXL_LOADER) == len(ALL)
    for name, weight in unet.state_dict().items():
        assert torch.allclose(weight, expected[name], atol=1e-5), name
        assert torch.equal(weight, before[name]) is (name.removesuffix(".weight") not in ALL)


def test_published_names_cover_every_weight_of_the_unet(unet: UNet2DConditionModel) -> None:
    published = published_unet_modules(unet)
    modules = {name.rpartition(".")[0] for name in unet.state_dict()}
    assert modules <= published.keys()
    assert len(set(published.values())) == len(published)
    assert {name: published[name] for name in PUBLISHED} == PUBLISHED


def test_half_precision_is_rounded_once(unet: UNet2DConditionModel, tmp_path: Path) -> None:
    lora = Lora.read(write(tmp_path / "some.safetensors", unet, kohya, (QUERY,)), STRENGTH)
    weight = unet.get_submodule(QUERY).get_parameter("weight").bfloat16()
    unet.to(torch.bfloat16)
    fuse(unet, "unet", lora, SDXL_LOADER)
    (layer,) = lora.layers.values()
    fused = unet.get_submodule(QUERY).get_parameter("weight")
    assert torch.equal(fused, (weight.float() + STRENGTH * layer.delta()).bfloat16())


@pytest.mark.parametrize(
    ("settings", "scale"),
    [
        ({}, 1.0),
        ({"unet.lora_alpha": 6}, 2.0),
        ({"unet.lora_alpha": 6, "unet.alpha_pattern": {QUERY: 12}}, 4.0),
        ({"unet.lora_alpha": 6, "unet.use_rslora": True}, 6 / 3**0.5),
    ],
)
def test_alpha_is_read_where_diffusers_writes_it(
    settings: dict[str, object], scale: float, tmp_path: Path
) -> None:
    path = tmp_path / "some.safetensors"
    weights = {
        f"unet.{QUERY}.lora_A.weight": torch.ones(RANK, 4),
        f"unet.{QUERY}.lora_B.weight": torch.ones(4, RANK),
    }
    save_file(weights, path, {"lora_adapter_metadata": json.dumps(settings)})
    (layer,) = read_lora(path).layers.values()
    assert layer.scale == pytest.approx(scale)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"a.dora_scale": torch.ones(1)}, "is a DoRA file"),
        ({"a.lora_magnitude_vector": torch.ones(1)}, "is a DoRA file"),
        ({"a.hada_w1_a": torch.ones(1)}, "is a LoHa file"),
        ({"a.lokr_w1": torch.ones(1)}, "is a LoKr file"),
        ({"a.lora_mid.weight": torch.ones(1)}, "Tucker"),
        ({}, "holds no LoRA"),
    ],
)
def test_other_kinds_are_refused_by_their_name(
    more: dict[str, Tensor], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "some.safetensors"
    save_file({"a.lora_down.weight": torch.ones(1, 1), **more}, path)
    with pytest.raises(ModelError, match=message):
        read_lora(path)


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "some.safetensors").write_bytes(b"nothing of use")
    with pytest.raises(ModelError, match=r"The LoRA in .* cannot be read"):
        read_lora(tmp_path / "some.safetensors")


def test_a_layer_of_another_shape_is_told_with_both(
    unet: UNet2DConditionModel, tmp_path: Path
) -> None:
    path = tmp_path / "some.safetensors"
    save_file(kohya(QUERY, torch.ones(RANK, 7), torch.ones(9, RANK), 1), path)
    with pytest.raises(ModelError, match=r"is for 9x7 weights and the model has 32x32"):
        fuse(unet, "unet", Lora.read(path, 1), SDXL_LOADER)


@pytest.fixture
def said_to_be(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What inspection would say of a file, were its layers not this small."""

    def say(family: str) -> None:
        def inspect_lora(path: Path, _families: object) -> LoraFile:
            notes = (f"Guessed of {path.name}.",)
            return LoraFile(path, family, None, RANK, notes)  # type: ignore[arg-type]

        monkeypatch.setattr("scalediff_engine.models.component_loading.inspect_lora", inspect_lora)

    return say


def test_loading_with_a_lora_changes_the_denoiser_and_the_words(
    folder: Path,
    unet: UNet2DConditionModel,
    tmp_path: Path,
    said_to_be: Callable[[str], None],
) -> None:
    said_to_be("sdxl")
    path = write(tmp_path / "some.safetensors", unet, kohya, LINEAR)
    text = {
        "lora_te1_text_model_encoder_layers_0_self_attn_q_proj": (WIDTH, WIDTH),
        "lora_te2_text_model_encoder_layers_0_mlp_fc1": (2 * WIDTH, WIDTH),
    }
    weights = {
        f"{name}.lora_{side}.weight": torch.randn(shape)
        for name, (rows, cols) in text.items()
        for side, shape in (("down", (RANK, cols)), ("up", (rows, RANK)))
    }
    both = tmp_path / "both.safetensors"
    save_file(weights, both)
    checkpoint = checkpoint_of(folder, "sdxl")
    plain = load_parts(checkpoint, torch.float32)
    parts = load_parts(checkpoint, torch.float32, [(path, STRENGTH), (both, 1.0)])
    assert parts.weights_hash != plain.weights_hash
    fuse(unet, "unet", Lora.read(path, STRENGTH), SDXL_LOADER)
    fused = unet.state_dict()
    assert all(torch.equal(w, fused[n]) for n, w in parts.denoiser.state_dict().items())
    assert parts.notes == (
        "Guessed of some.safetensors.",
        "Guessed of both.safetensors.",
        "The LoRA some.safetensors changes 3 layers of the U-Net, of 3 that it has.",
        "The LoRA both.safetensors changes 0 layers of the U-Net and 2 of the text encoders, "
        "of 2 that it has.",
    )
    with torch.inference_mode():  # as the loop does
        words, before = (p.encode_text(["sharp"]).tokens for p in (parts, plain))
    first, second = (words - before).abs().amax(dim=(0, 1)).split(WIDTH)
    assert first.min() > 0
    assert second.min() > 0
    model = UNetModel(TINY_SDXL, parts, torch.device("cpu"), torch.float32)
    assert torch.isfinite(model.condition("sharp", "").positive.tokens).all()


def test_what_of_a_lora_is_left_out_is_told(
    folder: Path, unet: UNet2DConditionModel, tmp_path: Path, said_to_be: Callable[[str], None]
) -> None:
    said_to_be("sdxl")
    pair = torch.ones(RANK, 4), torch.ones(4, RANK), 1.0
    named = {
        "lora_te1_text_model_encoder_layers_0_self_attn_q_proj",  # of this model
        "lora_te1_text_model_encoder_layers_40_self_attn_q_proj",  # of none
        "lora_unet_nowhere",
    }
    weights = {
        f"{n}.lora_{side}.weight": w.clone()
        for n in named
        for side, w in zip(("down", "up"), pair[:2], strict=True)
    }
    more = ("lora_unet_out_0.diff", "lora_unet_out_0.diff_b", "lora_unet_out_2.diff_b")
    weights |= {name: torch.ones(1) for name in more}
    path = tmp_path / "some.safetensors"
    own = load_file(write(tmp_path / "own.safetensors", unet, kohya, LINEAR))
    save_file({**own, **weights}, path)
    *_, note = load_parts(checkpoint_of(folder, "sdxl"), torch.float32, [(path, 1.0)]).notes
    assert note == (
        "The LoRA some.safetensors changes 3 layers of the U-Net and 1 of the text encoders, of 6 "
        "that it has. Left out: 2 that this model has not, such as "
        "'lora_te1_text_model_encoder_layers_40_self_attn_q_proj'; 3 weights that are no low-rank "
        "pairs (.diff, .diff_b)."
    )


def test_a_lora_for_text_encoders_that_this_model_has_not_is_refused(
    folder: Path, tmp_path: Path, said_to_be: Callable[[str], None]
) -> None:
    said_to_be("sdxl")
    path = tmp_path / "some.safetensors"
    weights = kohya("x", torch.ones(RANK, 4), torch.ones(4, RANK), 1)
    save_file({n.replace("lora_unet_", "lora_te1_"): w for n, w in weights.items()}, path)
    with pytest.raises(ModelError, match="None of the 1 layers"):
        load_parts(checkpoint_of(folder, "sdxl"), torch.float32, [(path, 1)])


def test_old_diffusers_names_of_text_encoders_are_known(folder: Path) -> None:
    model = CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2")
    layers = named_layers(model, "text_encoder_2", SDXL_LOADER)
    start = "text_model_encoder_layers_0_self_attn"
    assert layers[f"{start}_to_q"] == layers[f"{start}_q_proj"]
    assert layers[f"{start}_to_out"] == layers[f"{start}_out_proj"]


def test_strengths_tell_pictures_apart(
    folder: Path,
    unet: UNet2DConditionModel,
    tmp_path: Path,
    said_to_be: Callable[[str], None],
) -> None:
    said_to_be("sdxl")
    path = write(tmp_path / "some.safetensors", unet, kohya, LINEAR)
    checkpoint = checkpoint_of(folder, "sdxl")
    hashes = {load_parts(checkpoint, torch.float32, [(path, s)]).weights_hash for s in (0.5, 1.0)}
    assert len(hashes) == 2


def test_a_lora_of_another_family_is_refused(
    folder: Path, tmp_path: Path, said_to_be: Callable[[str], None]
) -> None:
    said_to_be("sd15")
    with pytest.raises(ModelError, match=r"is for sd15 and the model .* is sdxl"):
        load_parts(checkpoint_of(folder, "sdxl"), torch.float32, [(tmp_path / "x.safetensors", 1)])


def test_a_lora_that_changes_nothing_is_refused(
    folder: Path, tmp_path: Path, said_to_be: Callable[[str], None]
) -> None:
    said_to_be("sdxl")
    path = tmp_path / "some.safetensors"
    save_file(kohya("nowhere.to_q", torch.ones(RANK, 4), torch.ones(4, RANK), 1), path)
    with pytest.raises(ModelError, match="None of the 1 layers"):
        load_parts(checkpoint_of(folder, "sdxl"), torch.float32, [(path, 1)])


def test_layers_that_diffusers_split_get_their_rows() -> None:
    torch.manual_seed(0)
    flux = tiny_flux()
    layers = named_layers(flux, "transformer", FLUX_LOADER)
    block = flux.transformer_blocks[0]
    assert layers["double_blocks_0_img_attn_qkv"] == (
        block.attn.to_q,
        block.attn.to_k,
        block.attn.to_v,
    )
    assert [m.out_features for m in layers["single_blocks_0_linear1"]] == [32, 32, 32, 128]
    before = {name: weight.clone() for name, weight in flux.state_dict().items()}
    down, up = torch.randn(RANK, 32), torch.randn(96, RANK)
    layer = lora_of("lora_unet_double_blocks_0_txt_attn_qkv", down, up)
    assert fuse(flux, "transformer", layer, FLUX_LOADER) == 1
    rows = (up @ down).split(32)
    for name, part in zip(("add_q_proj", "add_k_proj", "add_v_proj"), rows, strict=True):
        full = f"transformer_blocks.0.attn.{name}.weight"
        assert torch.allclose(flux.state_dict()[full], before[full] + part, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "published"),
    [("lora_unet_final_layer_adaLN_modulation_1", True), ("transformer_norm_out_linear", False)],
)
def test_scale_and_shift_of_flux_last_layer_get_their_own_rows(name: str, published: bool) -> None:
    flux = tiny_flux()
    before = flux.norm_out.linear.weight.clone()
    down, up = torch.randn(RANK, 32), torch.randn(64, RANK)
    assert fuse(flux, "transformer", lora_of(name, down, up), FLUX_LOADER) == 1
    first, second = (up @ down).split(32)
    added = torch.cat([second, first] if published else [first, second])
    assert torch.allclose(flux.norm_out.linear.weight, before + added, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        "transformer.single_transformer_blocks.0.attn.to_k",
        "lora_transformer_single_transformer_blocks_0_attn_to_k",
        "single_transformer_blocks.0.attn.to_k",
    ],
)
def test_flux_layers_are_known_by_the_names_of_diffusers_too(name: str) -> None:
    flux = tiny_flux()
    lora = lora_of(name.replace(".", "_"), torch.randn(RANK, 32), torch.randn(32, RANK))
    assert fuse(flux, "transformer", lora, FLUX_LOADER) == 1


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
    )


def lora_of(name: str, down: Tensor, up: Tensor) -> Lora:
    return Lora(Path("some"), 1.0, {name: LoraLayer(down, up, 1.0)})
