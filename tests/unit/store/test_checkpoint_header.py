from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import write_model, write_raw

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.store.header import (
    MAX_HEADER_BYTES,
    MAX_TENSORS,
    read_floats,
    read_header,
    read_json,
)

PER_FILE = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_header(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    return sentence


def _file(folder: Path, data: bytes, name: str = "model.safetensors") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_names_shapes_and_words_are_read(tmp_path: Path) -> None:
    shapes = {"a.weight": (2, 3), "a.bias": (2,), "scalar": ()}
    header = read_header(write_model(tmp_path / "m.safetensors", shapes, metadata={"k": "v"}))
    assert {name: tensor.shape for name, tensor in header.tensors.items()} == shapes
    assert header.metadata == {"k": "v"}
    assert header.size_bytes("a.") == 16
    assert header.size_bytes("") == 18


def test_a_header_of_any_library_is_read(tmp_path: Path) -> None:
    numpy_files = pytest.importorskip("safetensors.numpy")
    np = pytest.importorskip("numpy")
    path = tmp_path / "m.safetensors"
    numpy_files.save_file({"x": np.array([0.5, -2.0], np.float32)}, path)
    assert read_floats(read_header(path), "x") == (0.5, -2.0)


@pytest.mark.parametrize(
    ("dtype", "data"), [("F16", struct.pack("<2e", 0.5, -2)), ("BF16", b"\0\x3f\0\xc0")]
)
def test_half_precision_is_read(tmp_path: Path, dtype: str, data: bytes) -> None:
    path = write_model(tmp_path / "m.safetensors", {"x": (2,)}, dtype=dtype)
    path.write_bytes(path.read_bytes()[:-4] + data)
    assert read_floats(read_header(path), "x") == (0.5, -2.0)


def test_a_file_that_is_cut_off_says_both_sizes(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.safetensors", {"x": (3_500_000_000,)})
    with path.open("r+b") as file:
        file.truncate(3 * 2**30)
    sentence = _refusal(path)
    assert "3.0 GiB of 6.5 GiB" in sentence
    assert "ownload it again" in sentence


def test_a_file_that_lacks_its_last_byte_says_both_sizes(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.safetensors", {"x": (2**21,)})
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    assert f"{path.stat().st_size:,} of {path.stat().st_size + 1:,} bytes" in _refusal(path)


def test_a_header_that_is_cut_off_says_so(tmp_path: Path) -> None:
    data = write_model(tmp_path / "m.safetensors", {"x": (2,)}).read_bytes()
    assert "cut off" in _refusal(_file(tmp_path, data[:20]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"x", "not a safetensors file"),
        (b"x" * 1000, "not a safetensors file"),
        (b"PK\x03\x04" + b"\0" * 100, "pickle"),
        (b"\x80\x02}q\x00(X\x05", "pickle"),
        (b"GGUF\x03\0\0\0\0\0\0\0", "GGUF"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (struct.pack("<Q", 2**40) + b"{", "1024.0 GiB"),
        (struct.pack("<Q", 2) + b"{]", "makes no sense"),
        (struct.pack("<Q", 200_000) + b"{" + b'"a":[' * 39_999 + b"    ", "makes no sense"),
    ],
)
def test_other_content_is_named(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in _refusal(_file(tmp_path, data)).replace("Pickle", "pickle")


@pytest.mark.parametrize("name", ["m.ckpt", "m.PT", "m.pth", "m.bin"])
def test_pickles_are_refused_by_name_unopened(tmp_path: Path, name: str) -> None:
    sentence = _refusal(tmp_path / name)
    assert "can run any program" in sentence
    assert ".safetensors" in sentence


def test_gguf_is_refused_by_name(tmp_path: Path) -> None:
    assert "GGUF" in _refusal(tmp_path / "flux-Q4.gguf")


def test_a_header_length_that_looks_like_a_pickle_is_no_pickle(tmp_path: Path) -> None:
    text = json.dumps({"x": {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]}}).encode()
    data = struct.pack("<Q", 0x0280) + text.ljust(0x0280)
    assert data.startswith(b"\x80\x02")
    assert set(read_header(_file(tmp_path, data)).tensors) == {"x"}


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="does not exist"):
        read_header(tmp_path / "m.safetensors")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "cannot be read" in _refusal(tmp_path)


@pytest.mark.parametrize(
    "field",
    [
        {},
        7,
        {"dtype": "F16", "shape": [1], "data_offsets": [0]},
        {"dtype": "F16", "shape": [1], "data_offsets": [2, 0]},
        {"dtype": "F16", "shape": [1.5], "data_offsets": [0, 2]},
        {"dtype": "F16", "shape": [-1], "data_offsets": [0, 2]},
        {"dtype": "F16", "shape": [2], "data_offsets": [0, 2]},
        {"dtype": "NEW", "shape": [2], "data_offsets": [0, 10**400]},
        {"dtype": 5, "shape": [1], "data_offsets": [0, 2]},
    ],
)
def test_impossible_tensors_are_damage(tmp_path: Path, field: object) -> None:
    assert "makes no sense" in _refusal(write_raw(tmp_path / "m.safetensors", {"x": field}, 2))


@PER_FILE
@given(data=st.binary(max_size=200))
def test_random_bytes_raise_only_model_errors(tmp_path: Path, data: bytes) -> None:
    path = _file(tmp_path, data)
    with pytest.raises(ModelError):
        read_header(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@PER_FILE
@given(
    field=JSON | st.fixed_dictionaries({"dtype": JSON, "shape": JSON, "data_offsets": JSON}),
    words=JSON,
)
def test_random_headers_raise_only_model_errors(tmp_path: Path, field: Any, words: Any) -> None:
    path = write_raw(tmp_path / "m.safetensors", {"__metadata__": words, "x": field}, 8)
    try:
        header = read_header(path)
    except ModelError:
        return
    assert set(header.tensors) == {"x"}


def test_a_header_of_very_many_tensors_is_refused(tmp_path: Path) -> None:
    field = {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]}
    most = {str(number): field for number in range(MAX_TENSORS)}
    assert len(read_header(write_raw(tmp_path / "most.safetensors", most)).tensors) == MAX_TENSORS
    path = write_raw(tmp_path / "many.safetensors", {**most, "one more": field})
    with pytest.raises(ModelError, match="20,001 tensors"):
        read_header(path)


def test_a_huge_header_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", MAX_HEADER_BYTES + 1) + b"{")
        file.truncate(MAX_HEADER_BYTES + 100)
    with pytest.raises(ModelError, match="at most"):
        read_header(path)


def test_huge_settings_are_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(MAX_HEADER_BYTES + 1)
    with pytest.raises(ModelError, match="at most"):
        read_json(tmp_path / "config.json")
