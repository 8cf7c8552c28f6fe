"""Where a model's components come from: a folder in diffusers' layout, or a single file.

A single file has the layout that it was first published in and does not describe its own layout, so
configurations that ship with the program do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers.loaders.single_file_utils import (
    create_diffusers_clip_model_from_ldm,
    create_diffusers_t5_model_from_checkpoint,
)
from safetensors import safe_open
from torch import Tensor, nn
from transformers import T5EncoderModel

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.models.components import FamilyLoader
from scalediff_engine.models.silent_loading import reading
from scalediff_engine.spec.checkpoint import TITLES, Checkpoint, Part
from scalediff_engine.spec.family import FamilySpec, ShippedTokenizer


def empty_text_encoder(model_class: type[Any], part: Part, folder: Path) -> nn.Module:
    """Give a text encoder without weights, on no device.

    Args:
        model_class: of transformers
        part: text_encoder | text_encoder_2
        folder: with its configuration

    Raises:
        ModelError: the configuration cannot be read.
    """
    with reading(TITLES[part], folder), torch.device("meta"):
        config = model_class.config_class.from_pretrained(folder, local_files_only=True)
        return model_class(config)


def encoder_dtype(model_class: type[Any], dtype: torch.dtype) -> torch.dtype:
    """Give the precision of a text encoder beside a denoiser in ``dtype``."""
    # T5 was trained in bfloat16 and its activations exceed what float16 can hold
    if model_class is T5EncoderModel and dtype is torch.float16:
        return torch.bfloat16
    return dtype


def require_complete(model: nn.Module, part: Part, path: Path) -> None:
    """See that every weight of a part was in the files.

    Raises:
        ModelError: with the name of one that was not.
    """
    missing = [name for name, weight in model.named_parameters() if weight.is_meta]
    if missing:
        raise ModelError(missing_weights(part, path, missing))


def missing_weights(part: Part, path: Path, names: list[str]) -> str:
    """Say that weights are missing."""
    return (
        f"The {TITLES[part]} in {path} is incomplete: {len(names)} of its weights are missing, "
        f"'{sorted(names)[0]}' for one. Fetching the model again would help."
    )


# "model.fp16.safetensors", "model.fp16-00001-of-00002.safetensors"
_VARIANT = re.compile(r"^[a-z_]+\.(\w+?)(?:-\d+-of-\d+)?\.safetensors$")


class FolderSource:
    """A folder with one folder for each part."""

    def __init__(self, path: Path, family: FamilySpec) -> None:
        self.path = path
        self.family: FamilySpec = family
        self._loader: FamilyLoader = family.load()

    def has(self, part: Part) -> bool:
        """Whether the weights of this part are here."""
        return bool(self._weights(part)) or bool(self._pickles(part))

    def denoiser(self, dtype: torch.dtype) -> nn.Module:
        """Load the U-Net or the transformer."""
        assert self.family.denoiser is not None  # it has a folder
        return self._load(self.family.denoiser, torch_dtype=dtype)

    def vae(self) -> nn.Module:
        """Load the autoencoder, in float32."""
        return self._load("vae", torch_dtype=torch.float32)

    def text_encoder(self, part: Part, dtype: torch.dtype) -> nn.Module:
        """Load a text encoder."""
        return self._load(part, dtype=encoder_dtype(self._loader.classes[part], dtype))

    def outline(self, part: Part) -> nn.Module:
        """Give a text encoder without weights: its layers and their names."""
        return empty_text_encoder(self._loader.classes[part], part, self.path / part)

    def tokenizer(self, part: Part) -> Any:  # noqa: ANN401
        """Load the tokenizer of a text encoder."""
        name = part.replace("text_encoder", "tokenizer")
        return read_tokenizer(self.path / name, self._loader.tokenizers[name], name)

    def scheduler(self) -> Mapping[str, Any]:
        """Read the scheduler's configuration."""
        return read_json("scheduler", self.path / "scheduler" / "scheduler_config.json")

    def zeros_for_empty(self) -> bool:
        """Whether no words at all are zeros for this model."""
        index = self.path / "model_index.json"
        return index.is_file() and bool(
            read_json("scheduler", index).get("force_zeros_for_empty_prompt")
        )

    def weight_files(self) -> list[Path]:
        """Every file that decides the picture, in a fixed order."""
        return [file for part in self.family.parts for file in self._chosen(part)]

    def _weights(self, part: Part) -> list[Path]:
        # a file that a cache links to may be gone: is_file follows links
        return sorted(p for p in (self.path / part).glob("*.safetensors") if p.is_file())

    def _pickles(self, part: Part) -> list[Path]:
        return sorted(p for p in (self.path / part).glob("*.bin") if p.is_file())

    def _chosen(self, part: Part) -> list[Path]:
        """The weight files that are read where several precisions lie side by side."""
        wanted = self._variant(part)
        return [f for f in self._weights(part) if _variant_in(f.name) == wanted]

    def _variant(self, part: Part) -> str | None:
        """The word in the files' names for their kind; the plain kind goes before half precision.

        Further kinds, such as "non_ema", are for training.
        """
        found = {_variant_in(file.name) for file in self._weights(part)}
        if None in found or not found:
            return None
        return "fp16" if "fp16" in found else min(word for word in found if word)

    def _load(self, part: Part, **precision: torch.dtype) -> Any:  # noqa: ANN401
        if not self._weights(part) and self._pickles(part):
            raise ModelError(
                f"The {TITLES[part]} in {self.path / part} comes in .bin files only, which can run "
                "code when they are opened. A version in .safetensors files is needed."
            )
        with reading(TITLES[part], self.path / part):
            model, report = self._loader.classes[part].from_pretrained(
                self.path / part,
                variant=self._variant(part),
                local_files_only=True,
                use_safetensors=True,
                low_cpu_mem_usage=True,
                output_loading_info=True,
                **precision,
            )
        missing = list(report["missing_keys"])
        if missing:
            raise ModelError(missing_weights(part, self.path / part, missing))
        return model.eval().requires_grad_(False)


def read_tokenizer(folder: Path, tokenizer: Any, name: str, pad: str | None = None) -> Any:  # noqa: ANN401
    """Read a tokenizer.

    Args:
        folder: with the tokenizer's files
        tokenizer: class of transformers
        name: tokenizer | tokenizer_2
        pad: token to fill up with; None = what the folder says

    Raises:
        ModelMissing: there is no such folder.
        ModelError: its files are missing or damaged.
    """
    if not folder.is_dir():
        raise ModelMissing(f"The {TITLES[name]} is missing: there is no {folder}.")
    own = {} if pad is None else {"pad_token": pad}
    with reading(TITLES[name], folder):
        return tokenizer.from_pretrained(folder, local_files_only=True, **own)


def read_json(part: str, file: Path) -> dict[str, Any]:
    """Read a configuration.

    Raises:
        ModelError: it is missing or damaged.
    """
    with reading(TITLES[part], file):
        read = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(read, dict):
            raise ModelError(f"The {TITLES[part]} in {file} is not a table of settings.")
    return read


def _variant_in(name: str) -> str | None:
    match = _VARIANT.match(name)
    return match and match[1]


# The same weights with their scale beside them, in 8 bits.
_SCALED_8_BIT = ("scale_weight", "weight_scale", "scaled_fp8")


class FileSource:
    """One ``.safetensors`` file.

    Args:
        checkpoint: the file
        family: of it
        config: a folder with the configuration of each part
        tokenizers: for a configuration without any
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        family: FamilySpec,
        config: Path,
        tokenizers: Sequence[ShippedTokenizer],
    ) -> None:
        self.path = checkpoint.path
        self.family: FamilySpec = family
        self._loader: FamilyLoader = family.load()
        self._checkpoint = checkpoint
        self._config = config
        self._shipped: dict[str, ShippedTokenizer] = {t.name: t for t in tokenizers}
        with reading("weights", self.path), safe_open(self.path, framework="pt") as file:
            self._names: frozenset[str] = frozenset(file.keys())
        if any(name.endswith(_SCALED_8_BIT) for name in self._names):
            raise ModelError(
                f"{self.path} holds weights of 8 bits with scales of their own, which this program "
                "does not read. A version in 16 bits is needed."
            )

    def has(self, part: Part) -> bool:
        """See ``FolderSource``."""
        return self._prefix(part) is not None

    def denoiser(self, dtype: torch.dtype) -> nn.Module:
        """See ``FolderSource``."""
        part = self.family.denoiser
        assert part is not None  # it comes in files
        with reading(TITLES[part], self.path):
            prefix = self._checkpoint.prefix
            weights = {n.removeprefix(prefix): w for n, w in self._weights(part).items()}
            model = self._empty(part)
            weights = self._loader.rename(weights, model)
            return self._filled(part, model, weights, dtype)

    def vae(self) -> nn.Module:
        """See ``FolderSource``."""
        with reading(TITLES["vae"], self.path):
            model = self._empty("vae")
            weights = self._loader.rename_vae(self._weights("vae"), model)
            return self._filled("vae", model, weights, torch.float32)

    def text_encoder(self, part: Part, dtype: torch.dtype) -> nn.Module:
        """See ``FolderSource``."""
        model_class = self._loader.classes[part]
        t5 = model_class is T5EncoderModel
        create = (
            create_diffusers_t5_model_from_checkpoint
            if t5
            else create_diffusers_clip_model_from_ldm
        )
        with reading(TITLES[part], self.path):
            weights, prefix = self._weights(part), self._prefix(part) or ""
            model: nn.Module = create(
                model_class,
                checkpoint=(_t5_with_both_names if t5 else _clip_named_in_full)(weights, prefix),
                subfolder=part,
                config=str(self._config),
                torch_dtype=encoder_dtype(model_class, dtype),
                local_files_only=True,
            )
            require_complete(model, part, self.path)
            return model.eval().requires_grad_(False)

    def outline(self, part: Part) -> nn.Module:
        """See ``FolderSource``."""
        return empty_text_encoder(self._loader.classes[part], part, self._config / part)

    def tokenizer(self, part: Part) -> Any:  # noqa: ANN401
        """See ``FolderSource``."""
        name = part.replace("text_encoder", "tokenizer")
        tokenizer = self._loader.tokenizers[name]
        folder = self._config / name
        if folder.is_dir():
            return read_tokenizer(folder, tokenizer, name)
        shipped = self._shipped[name]
        return read_tokenizer(shipped.folder, tokenizer, name, shipped.pad_token)

    def scheduler(self) -> Mapping[str, Any]:
        """See ``FolderSource``."""
        return read_json("scheduler", self._config / "scheduler" / "scheduler_config.json")

    def zeros_for_empty(self) -> bool:
        """See ``FolderSource``."""
        index = read_json("scheduler", self._config / "model_index.json")
        return bool(index.get("force_zeros_for_empty_prompt"))

    def weight_files(self) -> list[Path]:
        """See ``FolderSource``."""
        return [self.path]

    def _prefix(self, part: Part) -> str | None:
        """How the names of a part's weights begin; None = it is not here."""
        if part == self.family.denoiser:
            return self._checkpoint.prefix if part in self._checkpoint.parts else None
        prefixes = self.family.prefixes.get(part, ())
        return next((p for p in prefixes if any(n.startswith(p) for n in self._names)), None)

    def _weights(self, part: Part) -> dict[str, Tensor]:
        """Names and weights of one part, mapped from the file and not read yet."""
        prefix = self._prefix(part)
        assert prefix is not None  # callers ask ``has`` first
        with safe_open(self.path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in self._names if name.startswith(prefix)}

    def _empty(self, part: Part) -> Any:  # noqa: ANN401
        """A part of the right shape, without weights."""
        settings = read_json(part, self._config / part / "config.json")
        with init_empty_weights():
            return self._loader.classes[part].from_config({**settings, **self._own_shape(part)})

    def _filled(
        self,
        part: Part,
        model: Any,  # noqa: ANN401
        weights: dict[str, Tensor],
        dtype: torch.dtype,
    ) -> Any:  # noqa: ANN401
        """The part with its weights.

        Raises:
            ModelError: some are missing, or of another shape.
        """
        wanted: dict[str, Tensor] = model.state_dict()
        missing = sorted(wanted.keys() - weights.keys())
        if missing:
            raise ModelError(missing_weights(part, self.path, missing))
        for name, empty in wanted.items():
            if weights[name].shape != empty.shape:
                raise ModelError(
                    f"The {TITLES[part]} in {self.path} is none of {self.family.name}'s: "
                    f"'{name}' has the shape {_shape(weights[name])} and not {_shape(empty)}."
                )
        model.load_state_dict({name: weights[name].to(dtype) for name in wanted}, assign=True)
        return model.eval().requires_grad_(False)

    def _own_shape(self, part: Part) -> dict[str, int]:
        """Where a file differs from its family's configuration: a U-Net with guidance embedded."""
        names = ("time_embed.cond_proj.weight", "time_embedding.cond_proj.weight")
        guidance = next((n for n in names if self._checkpoint.prefix + n in self._names), None)
        if part != "unet" or guidance is None:
            return {}
        with safe_open(self.path, framework="pt") as file:
            shape = file.get_slice(self._checkpoint.prefix + guidance).get_shape()
        return {"time_cond_proj_dim": shape[1]}


def _shape(weight: Tensor) -> str:
    return "x".join(str(side) for side in weight.shape)


def _clip_named_in_full(weights: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    """Old files of SD 1 leave ``text_model`` out of the names of CLIP's weights."""
    return {
        f"{start}text_model.{name.removeprefix(start)}"
        if name.startswith((f"{start}embeddings.", f"{start}encoder.", f"{start}final_"))
        else name: weight
        for name, weight in weights.items()
    }


def _t5_with_both_names(weights: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    """T5's table of words has two names, and files have either or both."""
    names = (f"{start}shared.weight", f"{start}encoder.embed_tokens.weight")
    table = next((weights[name] for name in names if name in weights), None)
    return weights if table is None else {**weights, **dict.fromkeys(names, table)}


ComponentSource = FolderSource | FileSource
