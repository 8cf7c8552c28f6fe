"""Folders to pictures, and the reason for whatever is left aside."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from scalediff_engine.batch.folder_scan import Entry, Search, Skip, SkipReason, scan
from scalediff_engine.client.naming import Pattern


def save_picture(file: Path, width: int = 20, height: int = 10) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), "teal").save(file)
    return file


def found(
    *inputs: Path,
    deep: bool = True,
    known: frozenset[str] = frozenset(),
) -> tuple[list[Entry], list[Skip]]:
    search = Search(inputs, deep, Pattern(), known)
    portions = list(scan(search))
    entries = [entry for portion in portions for entry in portion.entries]
    return entries, [skip for portion in portions for skip in portion.skips]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two pictures, one of them deeper, and one of everything that is left aside."""
    save_picture(tmp_path / "b.png", 40, 30)
    save_picture(tmp_path / "deep" / "deeper" / "a.jpg", 64, 48)
    save_picture(tmp_path / "pixel.png", 4, 4)
    save_picture(tmp_path / ".hidden.png")
    save_picture(tmp_path / ".thumbnails" / "x.png")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    return tmp_path


def test_a_tree_is_looked_through_and_what_is_skipped_says_why(tree: Path) -> None:
    entries, skips = found(tree)
    assert [(e.name, e.width, e.height, e.below) for e in entries] == [
        ("b.png", 40, 30, ""),
        ("deep/deeper/a.jpg", 64, 48, "deep/deeper"),
    ]
    reasons = {Path(skip.path).name: skip.reason for skip in skips}
    assert reasons == {
        "pixel.png": SkipReason.TOO_SMALL,
        ".hidden.png": SkipReason.HIDDEN,
        ".thumbnails": SkipReason.HIDDEN,
        "notes.txt": SkipReason.NO_PICTURE,
        "broken.png": SkipReason.UNREADABLE,
    }
    by_reason = {skip.reason: skip for skip in skips}
    assert by_reason[SkipReason.TOO_SMALL].size == (4, 4)
    assert "broken.png" in by_reason[SkipReason.UNREADABLE].detail


def test_pictures_in_formats_that_are_not_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    _, skips = found(tmp_path)
    assert [(skip.reason, skip.detail) for skip in skips] == [
        (SkipReason.UNSUPPORTED, "HEIC"),
        (SkipReason.NO_PICTURE, ""),
    ]


def test_without_recursion_a_folder_is_flat_and_says_what_it_left(tree: Path) -> None:
    entries, skips = found(tree, deep=False)
    assert [entry.name for entry in entries] == ["b.png"]
    assert [Path(skip.path).name for skip in skips if skip.reason is SkipReason.SUBFOLDER] == [
        "deep"
    ]


def test_two_folders_are_told_apart_by_their_names(tmp_path: Path) -> None:
    save_picture(tmp_path / "one" / "x.png")
    save_picture(tmp_path / "two" / "x.png")
    entries, _ = found(tmp_path / "one", tmp_path / "two")
    assert [(entry.name, entry.below) for entry in entries] == [
        ("one/x.png", "one"),
        ("two/x.png", "two"),
    ]


def test_a_file_that_is_named_twice_is_there_once(tree: Path) -> None:
    entries, skips = found(tree, tree / "b.png", tree / "deep")
    assert [entry.path for entry in entries] == [
        str(tree / "b.png"),
        str(tree / "deep" / "deeper" / "a.jpg"),
    ]
    assert [skip.path for skip in skips if skip.reason is SkipReason.DUPLICATE] == [
        str(tree / "b.png")
    ]
    again, skips = found(tree / "b.png", known=frozenset({str(tree / "b.png")}))
    assert again == []
    assert skips[0].reason is SkipReason.DUPLICATE


def test_a_file_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    _, skips = found(tmp_path / "gone.png")
    assert [(skip.reason, skip.path) for skip in skips] == [
        (SkipReason.MISSING, str(tmp_path / "gone.png"))
    ]


@pytest.mark.parametrize("ending", ["png", "jpeg", "webp", "tiff"])
def test_a_result_of_an_earlier_run_is_not_upscaled_again(tmp_path: Path, ending: str) -> None:
    from scalediff_engine.images.formats import Format
    from scalediff_engine.images.reader import read
    from scalediff_engine.images.writer import encode_picture

    source = save_picture(tmp_path / "cat.png")
    form = Format(ending)
    result = encode_picture(read(source), form, quality=None, recipe='{"seed": 1}')
    made = tmp_path / f"cat_x4{form.extensions[0]}"
    made.write_bytes(result.data)
    entries, skips = found(tmp_path)
    assert [entry.name for entry in entries] == ["cat.png"]
    assert [(Path(skip.path).name, skip.reason) for skip in skips] == [
        (made.name, SkipReason.OWN_RESULT)
    ]
    if ending == "png":
        later = found(made, known=frozenset({str(source)}))
        for entries, skips in (found(made, source), later):
            assert made.name not in [entry.name for entry in entries]
            assert [skip.reason for skip in skips] == [SkipReason.OWN_RESULT]
    # who names it himself wants it
    assert [entry.name for entry in found(made)[0]] == [made.name]
    # and what is only called like one is somebody's picture
    save_picture(made.with_name("dog_x4.png"))
    assert "dog_x4.png" in [e.name for e in found(tmp_path)[0]]


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_circle_of_links_has_an_end(tmp_path: Path) -> None:
    save_picture(tmp_path / "in" / "x.png")
    (tmp_path / "in" / "round").symlink_to(tmp_path)
    entries, skips = found(tmp_path)
    assert [entry.name for entry in entries] == ["in/x.png"]
    assert [skip.reason for skip in skips] == [SkipReason.SUBFOLDER]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_a_name_that_is_no_text_is_left_aside_with_a_sentence(tmp_path: Path) -> None:
    data = save_picture(tmp_path / "x.png").read_bytes()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).write_bytes(data)
    entries, skips = found(tmp_path)
    assert [entry.name for entry in entries] == ["x.png"]
    assert skips[0].reason is SkipReason.NAME_NOT_UTF8


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_folder_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    save_picture(tmp_path / "shut" / "x.png")
    (tmp_path / "shut").chmod(0)
    _, skips = found(tmp_path)
    (tmp_path / "shut").chmod(0o700)
    assert skips[0].reason is SkipReason.FOLDER_UNREADABLE


def test_the_first_portion_comes_soon_and_giving_up_works(tmp_path: Path) -> None:
    for index in range(5):
        save_picture(tmp_path / f"{index}.png")
    now = iter(range(100))
    portions = scan(Search((tmp_path,), True, Pattern()), clock=lambda: next(now))
    assert len(next(portions).entries) == 1
    wanted = iter([True, True, False])
    rest = scan(Search((tmp_path,), True, Pattern()), lambda: next(wanted))
    assert sum(portion.count for portion in rest) == 0


def test_a_turned_picture_has_the_size_that_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "x.jpg", exif=exif)
    ([entry], _) = found(tmp_path)
    assert entry.size == (20, 40)


@pytest.mark.skipif(os.name != "posix", reason="named pipes are a POSIX thing")
def test_a_pipe_in_a_folder_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    entries, skips = found(tmp_path)
    assert entries == []
    assert [skip.reason for skip in skips] == [SkipReason.NO_PICTURE]
