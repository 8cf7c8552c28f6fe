from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_fakes import touch

from scalediff_engine.base.errors import InputError, InputMissing, NoPictures
from scalediff_engine.batch.folder_scan import Source
from scalediff_engine.cli.events import Failure
from scalediff_engine.cli.jobs import collect


def look(*paths: Path, recursive: bool = False) -> tuple[list[Source], list[Failure]]:
    sources, _, failures = collect(paths, recursive=recursive)
    return sources, failures


def names(sources: list[Source]) -> list[str]:
    return [Path(source.path).name for source in sources]


def test_a_folder_is_flat_unless_told_otherwise(tmp_path: Path) -> None:
    touch(tmp_path, ["b.png", "a.png", "notes.txt", "deep/c.png"])
    sources, failures = look(tmp_path)
    assert names(sources) == ["a.png", "b.png"]
    assert not failures
    sources, _ = look(tmp_path, recursive=True)
    assert [(Path(s.path).name, s.below) for s in sources] == [
        ("a.png", ""),
        ("b.png", ""),
        ("c.png", "deep"),
    ]


def test_files_and_folders_keep_the_order_of_the_command_line(tmp_path: Path) -> None:
    touch(tmp_path, ["z.txt", "folder/a.png"])
    sources, _ = look(tmp_path / "z.txt", tmp_path / "folder")
    assert [(Path(s.path).name, s.is_named) for s in sources] == [("z.txt", True), ("a.png", False)]


def test_a_file_that_is_named_twice_is_taken_once(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png"])
    sources, _ = look(tmp_path / "a.png", tmp_path, tmp_path / "." / "a.png")
    assert len(sources) == 1


def test_hidden_files_and_folders_are_left_alone(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png", "._a.png", ".cache/b.png"])
    sources, _ = look(tmp_path, recursive=True)
    assert names(sources) == ["a.png"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    touch(tmp_path, ["deep/a.png"])
    (tmp_path / "deep" / "again").symlink_to(tmp_path)
    sources, _ = look(tmp_path, recursive=True)
    assert len(sources) == 1


def test_what_is_missing_does_not_hide_what_is_there(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png"])
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    sources, failures = look(tmp_path / "no.png", tmp_path / "gone", tmp_path / "a.png")
    assert len(sources) == 1
    assert [type(failure.error) for failure in failures] == [InputMissing, InputMissing]


def test_a_folder_without_pictures_says_so_and_what_would_help(tmp_path: Path) -> None:
    touch(tmp_path, ["deep/a.png"])
    _, [failure] = look(tmp_path)
    assert isinstance(failure.error, NoPictures)
    assert "--recursive" in str(failure.error)


def test_pictures_in_formats_that_are_not_read_are_listed_as_such(tmp_path: Path) -> None:
    touch(tmp_path, ["a.png", "b.HEIC", "c.psd", "notes.txt"])
    sources, unsupported, failures = collect([tmp_path], recursive=False)
    assert not failures
    assert names(sources) == ["a.png"]
    assert [(Path(s.path).name, s.detail) for s in unsupported] == [
        ("b.HEIC", "HEIC"),
        ("c.psd", "Photoshop"),
    ]
    # named: reading it says what it is
    assert names(look(tmp_path / "b.HEIC")[0]) == ["b.HEIC"]


def test_a_folder_of_formats_that_are_not_read_says_which(tmp_path: Path) -> None:
    touch(tmp_path, ["b.heic", "d.heic", "c.psd"])
    _, [failure] = look(tmp_path)
    assert isinstance(failure.error, NoPictures)
    assert "3 in formats that are not supported (HEIC, Photoshop)" in str(failure.error)


@pytest.mark.skipif(os.name != "posix", reason="named pipes are a POSIX thing")
def test_a_pipe_that_is_named_is_read_and_one_in_a_folder_is_not(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    [source], failures = look(tmp_path / "pipe.png")
    assert (source.path, failures) == (str(tmp_path / "pipe.png"), [])
    found, _ = look(tmp_path)
    assert found == []


def test_a_name_that_no_system_takes_is_an_input_error(tmp_path: Path) -> None:
    _, [failure] = look(tmp_path / ("x" * 5000))
    assert isinstance(failure.error, InputError)


def test_a_wildcard_that_the_shell_left_stands_for_files(tmp_path: Path) -> None:
    touch(tmp_path, ["b.png", "a.png", "c.jpg", "folder.png/x"])
    sources, failures = look(tmp_path / "*.png", tmp_path / "*.gif", tmp_path / "[ab].png")
    assert names(sources) == ["a.png", "b.png"]
    assert [type(failure.error) for failure in failures] == [InputMissing, InputMissing]


def test_a_folder_that_cannot_be_read_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, ["a.png", "locked/b.png"])
    real = os.scandir

    def scandir(path: str) -> object:  # root may read anything, so a real one would not do
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    sources, [failure] = look(tmp_path, recursive=True)
    assert names(sources) == ["a.png"]
    assert str(failure.error).endswith("locked cannot be read: Permission denied.")
    _, [failure] = look(tmp_path / "locked")
    assert isinstance(failure.error, InputError)
