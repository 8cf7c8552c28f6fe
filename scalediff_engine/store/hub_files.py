"""Which files of a model on the hub are needed; decided from their names alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scalediff_engine.base.errors import ModelError

INDEX = "model_index.json"
_NETWORKS = ("unet", "transformer", "vae", "text_encoder", "text_encoder_2")
_SMALL = ("scheduler", "tokenizer", "tokenizer_2")
_SETTINGS = (".json", ".txt", ".model")
# "model", "model.fp16", "model-00001-of-00002", "diffusion_pytorch_model.fp16-00001-of-00002"
_WEIGHTS = re.compile(
    r"(?:model|diffusion_pytorch_model)(?:\.(?P<infix>\w+))?(?P<piece>-\d+-of-\d+)?\.safetensors"
)
_INDEX_OF_PIECES = re.compile(
    r"(?:model|diffusion_pytorch_model)\.safetensors\.index(?:\.(?P<infix>\w+))?\.json"
)
# Git's hash, or the longer one of large files.
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_INFIXES = ("fp16", "bf16", None)


@dataclass(frozen=True)
class HubFile:
    """A file of a model on the hub.

    Attributes:
        name: in the repository
        size_bytes: of it
        sha256: of what is in it; none for small files, which are known by ``blob``
        blob: what git knows it by
    """

    name: str
    size_bytes: int
    sha256: str | None
    blob: str

    @property
    def key(self) -> str:
        """What the cache calls it."""
        return self.sha256 or self.blob


def require_hash(word: str) -> str:
    """Return a commit or a key of a file, which become names in the cache.

    Raises:
        ModelError: it is no hash, and could lead out of the cache.
    """
    if not _HASH.fullmatch(word):
        raise ModelError(
            f"The hub answers with {word[:80]!r} where a hash belongs, so nothing is downloaded. "
            "Check HF_ENDPOINT and the proxy, and start the download again."
        )
    return word


def path_parts(name: str) -> tuple[str, ...]:
    """Return the folders and the file that a name in a repository consists of.

    Raises:
        ModelError: it could lead out of the folder that it belongs in.
    """
    parts = tuple(name.split("/"))
    if any(part in ("", ".", "..") or not part.isprintable() for part in parts) or any(
        sign in name for sign in "\\:"
    ):
        raise ModelError(
            f"The hub names a file {name[:80]!r}, which is no plain name, so nothing of it is "
            "downloaded."
        )
    return parts


def needed(files: Sequence[HubFile], title: str) -> tuple[HubFile, ...]:
    """Choose the settings, and each network's weights once: in 16 bits where they are offered.

    The folder's index is the last one: without it the rest is not taken for a model.

    Args:
        files: of the repository
        title: of the model, for the sentence

    Raises:
        ModelError: there is no such model in it, or one as pickles alone.
    """
    by_name = {file.name: file for file in files}
    if INDEX not in by_name:
        raise ModelError(f"{title} has no {INDEX} on the hub, so it cannot be used here.")
    chosen: list[HubFile] = []
    for folder in (*_NETWORKS, *_SMALL):
        inside = [file for file in files if file.name.startswith(f"{folder}/")]
        inside = [file for file in inside if file.name.count("/") == 1]
        if not inside:
            continue
        chosen += [file for file in inside if _is_setting(_base(file))]
        if folder in _NETWORKS:
            chosen += _weights(inside, folder, title)
    if not any(_WEIGHTS.fullmatch(_base(file)) for file in chosen):
        raise ModelError(f"{title} has no weights on the hub.")
    return (*sorted(chosen, key=lambda file: file.size_bytes), by_name[INDEX])


def _weights(inside: Iterable[HubFile], folder: str, title: str) -> list[HubFile]:
    found = [(file, match) for file in inside if (match := _WEIGHTS.fullmatch(_base(file)))]
    for infix in _INFIXES:
        of_kind = [(file, match) for file, match in found if match["infix"] == infix]
        whole = [file for file, match in of_kind if match["piece"] is None]
        if whole:
            return whole
        if of_kind:
            index = [
                file
                for file in inside
                if (match := _INDEX_OF_PIECES.fullmatch(_base(file))) and match["infix"] == infix
            ]
            return [*(file for file, _ in of_kind), *index]
    raise ModelError(
        f"{title} has its {folder} on the hub as a pickle alone, which can run programs and is "
        "not opened."
    )


def _is_setting(name: str) -> bool:
    return name.endswith(_SETTINGS) and not _INDEX_OF_PIECES.fullmatch(name)


def _base(file: HubFile) -> str:
    return file.name.rpartition("/")[2]
