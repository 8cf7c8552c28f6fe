"""Parts of a model out of a folder as diffusers writes it, or the cache of a hub keeps it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.models.family_loader import FamilyLoader
from scalediff_engine.models.part_source import (
    empty_text_encoder,
    encoder_dtype,
    missing_weights,
)
from scalediff_engine.models.quiet_reading import reading
from scalediff_engine.spec.checkpoint import TITLES, Part
from scalediff_engine.spec.family import FamilySpec

# "model.fp16.safetensors", "model.fp16-00001-of-00002.safetensors"
_VARIANT = re.compile(r"^[a-z_]+\.(\w+?)(?:-\d+-of-\d+)?\.safetensors$")


class FolderSource:
    """A folder with one folder for each part."""

    def __init__(self, path: Path, family: FamilySpec) -> None:
        self.path = path
        self.family: FamilySpec = family
        self._loader: FamilyLoader = family.load()

    def has(self, part: Part) -> bool:
        """See ``PartSource``."""
        return bool(self._weights(part)) or bool(self._pickles(part))

    def denoiser(self, dtype: torch.dtype) -> nn.Module:
        """See ``PartSource``."""
        assert self.family.denoiser is not None  # it has a folder
        return self._load(self.family.denoiser, torch_dtype=dtype)

    def vae(self) -> nn.Module:
        """See ``PartSource``."""
        return self._load("vae", torch_dtype=torch.float32)

    def text_encoder(self, part: Part, dtype: torch.dtype) -> nn.Module:
        """See ``PartSource``."""
        return self._load(part, dtype=encoder_dtype(self._loader.classes[part], dtype))

    def outline(self, part: Part) -> nn.Module:
        """See ``PartSource``."""
        return empty_text_encoder(self._loader.classes[part], part, self.path / part)

    def tokenizer(self, part: Part) -> Any:  # noqa: ANN401
        """See ``PartSource``."""
        name = part.replace("text_encoder", "tokenizer")
        return read_tokenizer(self.path / name, self._loader.tokenizers[name], name)

    def scheduler(self) -> Mapping[str, Any]:
        """See ``PartSource``."""
        return read_json("scheduler", self.path / "scheduler" / "scheduler_config.json")

    def zeros_for_empty(self) -> bool:
        """See ``PartSource``."""
        index = self.path / "model_index.json"
        return index.is_file() and bool(
            read_json("scheduler", index).get("force_zeros_for_empty_prompt")
        )

    def weight_files(self) -> list[Path]:
        """See ``PartSource``."""
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
