from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from scalediff_engine.base.settings import (
    fields_of,
    load_json,
    number,
    save_if_possible,
    save_json,
    text,
    word,
)

WHOLE: dict[str, object] = {"seed": 2**31, "scale": 1.5, "locked": True, "steps": None, "a": ["é"]}


def _full(draft: Path, target: Path) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))


def test_what_is_saved_comes_back_with_its_types_and_is_the_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "dialog" / "settings.json"
    save_json(file, WHOLE)
    assert load_json(file) == WHOLE
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    if os.name == "posix":
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_full_disk_leaves_the_old_file_and_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "settings.json"
    save_json(file, WHOLE)
    monkeypatch.setattr(Path, "replace", _full)
    with pytest.raises(OSError, match="No space"):
        save_json(file, {})
    save_if_possible(file, {})
    assert "settings.json cannot be written" in caplog.text
    assert load_json(file) == WHOLE
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"{} {}"])
def test_a_damaged_file_counts_as_empty(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "settings.json"
    file.write_bytes(content)
    assert load_json(file) is None
    assert fields_of(load_json(file)) == {}
    assert load_json(tmp_path / "missing.json") is None


def test_a_value_that_makes_no_sense_is_the_default() -> None:
    fields = fields_of(json.loads('{"w": 5, "t": "", "n": NaN, "b": true, "big": 9}'))
    assert text(fields, "w", "usual") == text(fields, "t", "usual") == "usual"
    assert word(fields, "w", ("npa",), "usual") == "usual"
    assert word({"w": "other"}, "w", ("npa",), "usual") == "usual"
    assert number(fields, "n", 0, 5) is None
    assert number(fields, "b", 0, 5) is None
    assert number(fields, "big", 0, 5) is None
    assert number(fields, "big", 0, 9) == 9
