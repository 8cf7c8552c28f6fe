"""Which weight files a folder in the layout of diffusers holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from scalediff_engine.base.errors import ModelError
from scalediff_engine.base.text import file_size
from scalediff_engine.spec.checkpoint import Part
from scalediff_engine.store.header import (
    MAX_HEADER_BYTES,
    is_pickle,
    read_header,
    require_regular,
)

_STEMS: dict[Part, str] = {
    "unet": "diffusion_pytorch_model",
    "transformer": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "text_encoder_2": "model",
}
_FILE_VARIANTS = (None, "fp16", "bf16")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a small JSON file; empty where there is no such file.

    Raises:
        ModelError: it cannot be read, or holds something else.
    """
    try:
        require_regular(path)
        if path.stat().st_size > MAX_HEADER_BYTES:
            raise ModelError(
                f"{path} cannot be used: it takes {file_size(path.stat().st_size)}, and at most "
                f"{file_size(MAX_HEADER_BYTES)} are read."
            )
        value: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged: it is no JSON. Download it again.") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} is damaged: it holds no settings. Download it again.")
    return cast("dict[str, Any]", value)


def file_variant(folder: Path, parts: tuple[Part, ...]) -> str | None:
    """The infix of the weight files that most of ``parts`` have, the plain ones first."""
    return max(
        _FILE_VARIANTS,
        key=lambda infix: sum(bool(weight_files(folder, part, infix)) for part in parts),
    )


def weight_files(folder: Path, part: Part, infix: str | None) -> tuple[Path, ...]:
    """The files that hold ``part``, with ``infix`` or without; empty = there are none.

    A link of the cache whose target has not arrived counts as a file.

    Raises:
        ModelError: the index of a split part makes no sense.
    """
    home = folder / part
    dot = f".{infix}" if infix else ""
    stem = _STEMS[part]
    for name in dict.fromkeys((f"{stem}{dot}.safetensors", f"{stem}.safetensors")):
        path = home / name
        if path.is_file() or path.is_symlink():
            return (path,)
    for index in dict.fromkeys((f"{stem}.safetensors.index{dot}.json", _index(stem))):
        pieces = _pieces(home / index)
        if pieces:
            return pieces
    return ()


def has_pickle(folder: Path, part: Part) -> bool:
    """Whether ``part`` is there as a pickle."""
    return any(is_pickle(path) for path in (folder / part).glob("*"))


def checked_bytes(files: tuple[Path, ...]) -> int:
    """Bytes of the weights in ``files``, each of them whole.

    Raises:
        ModelError: one is missing or cut off.
    """
    missing = [path for path in files if not path.is_file()]
    if missing:
        count = f" ({len(missing)} of its {len(files)} weight files are missing)"
        raise ModelError(
            f"{missing[0]} is not there{count if len(files) > 1 else ''}. "
            "The download did not finish; start it again, and it goes on where it stopped."
        )
    return sum(read_header(path).size_bytes("") for path in files)


def _index(stem: str) -> str:
    return f"{stem}.safetensors.index.json"


def _pieces(index: Path) -> tuple[Path, ...]:
    """The files that an index names, each once."""
    pieces: Any = read_json(index).get("weight_map", {})
    if not isinstance(pieces, dict):
        raise ModelError(f"{index} is damaged: it names no files. Download it again.")
    names = {str(name) for name in cast("dict[Any, Any]", pieces).values()}
    if any(Path(name).name != name or not name.endswith(".safetensors") for name in names):
        raise ModelError(f"{index} names files elsewhere or of another format; it is not trusted.")
    return tuple(index.parent / name for name in sorted(names))
