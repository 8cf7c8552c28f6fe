from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from scalediff_engine.base.errors import DiskFull, OutputError, OutputExists
from scalediff_engine.base.files import same_place, sweep, whole, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _failing(code: int):  # noqa: ANN202 - a fake of os.fsync
    def fsync(_: int) -> None:
        raise OSError(code, os.strerror(code))

    return fsync


@pytest.mark.parametrize(
    ("system", "is_same"), [("linux", False), ("win32", True), ("darwin", True)]
)
def test_names_that_differ_in_case_are_one_file_where_the_system_says_so(
    system: str, is_same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert (same_place("/a/Photo.png") == same_place("/a/photo.PNG")) is is_same
    assert same_place("/a/b/../photo.png") == same_place("/a/photo.png")


def test_a_new_file_appears_with_its_content_and_nothing_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.png", b"content")
    assert (tmp_path / "a.png").read_bytes() == b"content"
    assert names(tmp_path) == ["a.png"]
    assert (tmp_path / "a.png").stat().st_nlink == 1


def test_an_existing_file_stays_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(OutputExists, match="exists already"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    path.chmod(0o640)
    write_whole(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    path = tmp_path / "a.png"
    real = os.fsync

    def somebody_writes_too(handle: int) -> None:
        path.write_bytes(b"theirs")
        real(handle)

    monkeypatch.setattr(os, "fsync", somebody_writes_too)
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", _no_links)
    with pytest.raises(OutputExists):
        write_whole(path, b"ours")
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["a.png"]


def _no_links(self: Path, target: Path) -> None:
    raise OSError(errno.EPERM, "no links here", self, target)


def test_a_file_system_without_links_works_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "hardlink_to", _no_links)
    write_whole(tmp_path / "a.png", b"content")
    assert (tmp_path / "a.png").read_bytes() == b"content"
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    (tmp_path / "a.png").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", _failing(code))
    with pytest.raises(DiskFull, match=r"needs 2\.0 MiB; nothing was written"):
        write_whole(tmp_path / "a.png", bytes(2 * 2**20), overwrite=True)
    assert (tmp_path / "a.png").read_bytes() == b"old"
    assert names(tmp_path) == ["a.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/shm or a mount")
def test_a_really_full_disk(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system here")
    try:
        with pytest.raises(DiskFull):
            write_whole(tmp_path / "a.png", bytes(200_000))
        assert names(tmp_path) == []
        write_whole(tmp_path / "a.png", bytes(20_000))
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_an_interrupt_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.png", b"content")
    assert names(tmp_path) == []


def test_other_failures_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match="nowhere does not exist"):
        write_whole(tmp_path / "nowhere" / "a.png", b"")
    with pytest.raises(OutputError, match="is a folder"):
        write_whole(tmp_path, b"")
    with pytest.raises(OutputError):
        write_whole(tmp_path / ("x" * 300 + ".png"), b"")
    with pytest.raises(OutputError):
        write_whole(tmp_path / "a\0b.png", b"")
    monkeypatch.setattr(os, "fsync", _failing(errno.EROFS))
    with pytest.raises(OutputError, match="permission denied"):
        write_whole(tmp_path / "a.png", b"")
    monkeypatch.setattr(os, "fsync", _failing(errno.EIO))
    with pytest.raises(OutputError, match=r"cannot be written: Input/output error"):
        write_whole(tmp_path / "a.png", b"")
    assert names(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs another user")
def test_a_folder_without_permission_is_an_output_error(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(OutputError, match="permission denied"):
            write_whole(folder / "a.png", b"content")
    finally:
        if root:
            os.seteuid(0)
    assert names(folder) == []


def test_a_link_is_followed_when_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to("real.png")
    write_whole(tmp_path / "link.png", b"new", overwrite=True)
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "real.png").read_bytes() == b"new"


def test_a_file_can_be_written_piece_by_piece_and_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with whole(path, 4) as file:
        file.write(b"ab")
        assert not path.exists()
        file.write(b"cd")
    assert path.read_bytes() == b"abcd"
    with suppress(KeyError), whole(path, 4, overwrite=True) as file:
        file.write(b"x")
        raise KeyError
    assert path.read_bytes() == b"abcd"
    assert names(tmp_path) == ["a"]


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    code = (
        "import os, pathlib; from scalediff_engine.base.files import whole\n"
        f"with whole(pathlib.Path({str(tmp_path / 'a')!r}), 1) as file: os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    (tmp_path / "b.part").write_bytes(b"somebody else's")
    assert len(names(tmp_path)) == 2
    sweep(tmp_path)
    assert names(tmp_path) == ["b.part"]
    sweep(tmp_path / "gone")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_a_private_file_is_the_owners_alone_whatever_was_there(tmp_path: Path) -> None:
    file = tmp_path / "result"
    file.touch(mode=0o644)
    before = os.umask(0)
    try:
        with whole(file, 1, overwrite=True, private=True) as opened:
            assert os.fstat(opened.fileno()).st_mode & 0o777 == 0o600
            opened.write(b"x")
        write_whole(tmp_path / "new", b"y", private=True)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
