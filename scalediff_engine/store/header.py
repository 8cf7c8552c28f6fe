"""The header of a ``.safetensors`` file: what is in it, without reading the weights.

Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import errno
import json
import math
import stat
import struct
from pathlib import Path
from typing import Any, cast

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.base.text import file_size
from scalediff_engine.spec.checkpoint import Header, Part, TensorEntry

# The format's own library takes 100 MB, which takes many seconds to look through. The largest model
# that runs here has 3,000 tensors and a header of 400 KB; a LoRA may carry megabytes of words.
MAX_HEADER_BYTES = 16_000_000
MAX_TENSORS = 20_000
_LENGTH_BYTES = 8
_PICKLE_SUFFIXES = {".ckpt", ".pt", ".pth", ".bin", ".pkl"}
_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"), 8),
}


def read_header(path: Path) -> Header:
    """Read the header of ``path`` and check that the file is as long as it says.

    Raises:
        ModelMissing: there is no such file.
        ModelError: it is another format, damaged, cut off, or cannot be read.
    """
    _refuse_suffix(path)
    try:
        require_regular(path)
        with path.open("rb") as file:
            start = file.read(64)
            file_bytes = path.stat().st_size
            length = _header_length(path, start, file_bytes)
            file.seek(_LENGTH_BYTES)
            text = file.read(length)
    except FileNotFoundError as error:
        raise ModelMissing(f"{path} does not exist.") from error
    except PermissionError as error:
        raise ModelError(f"{path} may not be read: permission denied.") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error
    tensors, metadata = _parse(path, text)
    header = Header(path, tensors, metadata, _LENGTH_BYTES + length)
    needed_bytes = header.data_start + max((t.end for t in tensors.values()), default=0)
    if file_bytes < needed_bytes:
        raise _cut_off(path, file_bytes, needed_bytes)
    return header


def require_regular(path: Path) -> None:
    """Pass if reading a file comes to an end: it is no pipe, socket or device.

    Raises:
        OSError: it is one, or cannot be asked.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is not a regular file")


def read_floats(header: Header, name: str) -> tuple[float, ...]:
    """The numbers of one small tensor; empty for a type that is neither F32, F16 nor BF16.

    Raises:
        ModelError: the file cannot be read.
    """
    entry = header.tensors[name]
    try:
        with header.path.open("rb") as file:
            file.seek(header.data_start + entry.start)
            data = file.read(entry.size_bytes)
    except OSError as error:
        raise ModelError(f"{header.path} cannot be read: {error.strerror or error}.") from error
    if entry.dtype == "BF16":  # the upper half of a float32
        data = b"".join(b"\0\0" + data[i : i + 2] for i in range(0, len(data), 2))
    letter = {"F32": "f", "BF16": "f", "F16": "e"}.get(entry.dtype)
    if letter is None:
        return ()
    return struct.unpack(f"<{len(data) // struct.calcsize(letter)}{letter}", data)


def is_pickle(path: Path) -> bool:
    """Whether the name of ``path`` is that of a Python pickle."""
    return path.suffix.lower() in _PICKLE_SUFFIXES


def pickle_refusal(path: Path) -> ModelError:
    """The error for a file that holds a Python pickle."""
    return ModelError(
        f"{path} is a Python pickle, which can run any program when it is opened, so ScaleDiff "
        "does not open it. Most models are offered as .safetensors too: use that file."
    )


def _refuse_suffix(path: Path) -> None:
    if is_pickle(path):
        raise pickle_refusal(path)
    if path.suffix.lower() == ".gguf":
        raise _gguf_refusal(path)


def _gguf_refusal(path: Path) -> ModelError:
    return ModelError(
        f"{path} is a quantised GGUF file, which ScaleDiff cannot run. "
        "Use the .safetensors file of the same model."
    )


def _header_length(path: Path, start: bytes, file_bytes: int) -> int:
    """The length of the header, from the first bytes of the file; refuses other formats."""
    if not file_bytes:
        raise ModelError(f"{path} is empty (0 bytes). Download it again.")
    # asked first, since the length of a sound header may look like another format's mark
    if start[_LENGTH_BYTES : _LENGTH_BYTES + 1] != b"{":
        raise _another_format(path, start, file_bytes)
    (length,) = struct.unpack("<Q", start[:_LENGTH_BYTES])
    if length > MAX_HEADER_BYTES:
        raise ModelError(
            f"{path} cannot be used: its header claims {file_size(length)}, and at most "
            f"{file_size(MAX_HEADER_BYTES)} are read. If it should be a model, download it again."
        )
    if _LENGTH_BYTES + length > file_bytes:
        raise _cut_off(path, file_bytes, _LENGTH_BYTES + length)
    return length


def _another_format(path: Path, start: bytes, file_bytes: int) -> ModelError:
    if start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return pickle_refusal(path)
    if start.startswith(b"GGUF"):
        return _gguf_refusal(path)
    if start.startswith(b"version https://git-lfs"):
        return ModelError(
            f"{path} is only a pointer that Git left in place of the model ({file_bytes} bytes). "
            "Run `git lfs pull` there, or download the file itself."
        )
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return ModelError(
            f"{path} is a web page and no model: the site probably wanted a login. "
            "Download the file again from its page."
        )
    return ModelError(
        f"{path} is not a safetensors file, or it is damaged ({file_size(file_bytes)}). "
        "Download it again."
    )


def _cut_off(path: Path, file_bytes: int, needed_bytes: int) -> ModelError:
    there, needed = file_size(file_bytes), file_size(needed_bytes)
    if there == needed:  # a few bytes short of many
        there, needed = f"{file_bytes:,}", f"{needed_bytes:,} bytes"
    return ModelError(f"{path} is cut off: {there} of {needed} are there. Download it again.")


def _parse(path: Path, text: bytes) -> tuple[dict[str, TensorEntry], dict[str, str]]:
    damaged = ModelError(f"{path} is damaged: its header makes no sense. Download it again.")
    try:
        # arrays and objects nested without end are no header either: RecursionError
        parsed: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged from error
    if not isinstance(parsed, dict):
        raise damaged
    fields = cast("dict[str, Any]", parsed)
    if len(fields) > MAX_TENSORS:
        raise ModelError(
            f"{path} cannot be used: it holds {len(fields):,} tensors, and at most "
            f"{MAX_TENSORS:,} are read. It is no model of a family that runs here."
        )
    words: Any = fields.pop("__metadata__", None) or {}
    if not isinstance(words, dict):
        raise damaged
    metadata = {str(k): str(v) for k, v in cast("dict[Any, Any]", words).items()}
    tensors: dict[str, TensorEntry] = {}
    for name, field in fields.items():
        entry = _entry(field)
        if entry is None:
            raise damaged
        tensors[name] = entry
    return tensors, metadata


def _entry(field: Any) -> TensorEntry | None:  # noqa: ANN401 - whatever the file's JSON holds
    """The entry that ``field`` describes, or None where it describes nothing possible."""
    match field:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(start), int(end)]}:
            pass
        case _:
            return None
    axes = tuple(axis for axis in shape if isinstance(axis, int) and axis >= 0)
    if len(axes) != len(shape) or not 0 <= start <= end < 2**63:
        return None
    bits = _BITS.get(dtype)
    if bits is not None and math.prod(axes) * bits != (end - start) * 8:
        return None
    return TensorEntry(dtype, axes, start, end)


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
            "The download did not finish; start it again; it resumes where it stopped."
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
