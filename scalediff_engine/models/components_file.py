"""Parts of a model out of one file, in the layout that it was first published in.

Such a file says nothing of its own shape, so configurations that ship with the program do.
"""

from __future__ import annotations

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

from scalediff_engine.base.errors import ModelError
from scalediff_engine.models.components_folder import read_json, read_tokenizer
from scalediff_engine.models.family_loader import FamilyLoader
from scalediff_engine.models.part_source import (
    empty_text_encoder,
    encoder_dtype,
    missing_weights,
    require_complete,
)
from scalediff_engine.models.quiet_reading import reading
from scalediff_engine.spec.checkpoint import TITLES, Checkpoint, Part
from scalediff_engine.spec.family import FamilySpec, ShippedTokenizer

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
        """See ``PartSource``."""
        return self._prefix(part) is not None

    def denoiser(self, dtype: torch.dtype) -> nn.Module:
        """See ``PartSource``."""
        part = self.family.denoiser
        assert part is not None  # it comes in files
        with reading(TITLES[part], self.path):
            prefix = self._checkpoint.prefix
            weights = {n.removeprefix(prefix): w for n, w in self._weights(part).items()}
            model = self._empty(part)
            weights = self._loader.rename(weights, model)
            return self._filled(part, model, weights, dtype)

    def vae(self) -> nn.Module:
        """See ``PartSource``."""
        with reading(TITLES["vae"], self.path):
            model = self._empty("vae")
            weights = self._loader.rename_vae(self._weights("vae"), model)
            return self._filled("vae", model, weights, torch.float32)

    def text_encoder(self, part: Part, dtype: torch.dtype) -> nn.Module:
        """See ``PartSource``."""
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
        """See ``PartSource``."""
        return empty_text_encoder(self._loader.classes[part], part, self._config / part)

    def tokenizer(self, part: Part) -> Any:  # noqa: ANN401
        """See ``PartSource``."""
        name = part.replace("text_encoder", "tokenizer")
        tokenizer = self._loader.tokenizers[name]
        folder = self._config / name
        if folder.is_dir():
            return read_tokenizer(folder, tokenizer, name)
        shipped = self._shipped[name]
        return read_tokenizer(shipped.folder, tokenizer, name, shipped.pad_token)

    def scheduler(self) -> Mapping[str, Any]:
        """See ``PartSource``."""
        return read_json("scheduler", self._config / "scheduler" / "scheduler_config.json")

    def zeros_for_empty(self) -> bool:
        """See ``PartSource``."""
        index = read_json("scheduler", self._config / "model_index.json")
        return bool(index.get("force_zeros_for_empty_prompt"))

    def weight_files(self) -> list[Path]:
        """See ``PartSource``."""
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
        """Where a file differs from its family's configuration: a U-Net that hears guidance."""
        names = ("time_embed.cond_proj.weight", "time_embedding.cond_proj.weight")
        heard = next((n for n in names if self._checkpoint.prefix + n in self._names), None)
        if part != "unet" or heard is None:
            return {}
        with safe_open(self.path, framework="pt") as file:
            shape = file.get_slice(self._checkpoint.prefix + heard).get_shape()
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
