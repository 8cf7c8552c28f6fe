"""Which window opens for what is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalediff_engine.base.errors import InputMissing
from scalediff_engine.cli import app_dialog
from scalediff_engine.ui import app as ui_app
from scalediff_engine.ui.origin import FileOpening, FolderOpening, Opening, StartOpening


def test_a_file_opens_a_picture_and_more_open_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Opening] = []
    monkeypatch.setattr(ui_app, "run", lambda opening, options: opened.append(opening) or 0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCALEDIFF_HOME", str(tmp_path / "home"))
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "in").mkdir()
    for names in (["a.png"], ["in"], ["a.png", "in"]):
        assert app_dialog.run_dialog(names, None, None, None) == 0
    assert opened == [
        FileOpening(tmp_path / "a.png"),
        FolderOpening((tmp_path / "in",)),
        FolderOpening((tmp_path / "a.png", tmp_path / "in")),
    ]
    assert app_dialog.run_dialog([], None, None, None) == 0
    assert opened[-1] == StartOpening()
    with pytest.raises(InputMissing, match="gone"):
        app_dialog.run_dialog(["in", "gone"], None, None, None)
