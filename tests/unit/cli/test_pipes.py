"""``-``, FIFOs and devices: what is read, where results go, what is refused."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalediff_engine.base.errors import InputError, UsageError
from scalediff_engine.cli import main, pipes
from scalediff_engine.cli.interrupt import Interrupts
from scalediff_engine.cli.pipes import Pipes, is_stream, opened
from scalediff_engine.cli.request import STREAM, UpscaleRequest
from scalediff_engine.cli.values import parse_path

posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no FIFOs")


class Stdin(io.TextIOWrapper):
    """Standard input with some bytes in it."""

    def __init__(self, data: bytes, *, is_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data))
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


def picture(form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(12 * 8 * 3, dtype=np.uint8).reshape(8, 12, 3)).save(file, form)
    return file.getvalue()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    yield work
    assert list(temporary.iterdir()) == []  # copies of streams are private


def run(*arguments: str) -> int:
    return main.run_guarded(["upscale", *arguments], Interrupts(), as_json=False)


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes, *, is_terminal: bool = False) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(data, is_terminal=is_terminal))


@pytest.mark.parametrize(
    ("source", "options", "made"),
    [
        ("PNG", (), "PNG"),
        ("JPEG", (), "JPEG"),
        ("WEBP", (), "WEBP"),
        ("BMP", (), "PNG"),
        ("PNG", ("-f", "tiff"), "TIFF"),
        ("PNG", ("-f", "jpeg", "--quality", "80"), "JPEG"),
    ],
)
def test_a_picture_goes_through_a_pipe(
    source: str,
    options: tuple[str, ...],
    made: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    feed(monkeypatch, picture(source))
    assert run("-", "-o", "-", "-s", "2", "--method", "fast", *options) == 0
    out, err = capsysbinary.readouterr()
    with Image.open(io.BytesIO(out)) as result:
        assert (result.format, result.size) == (made, (24, 16))
    assert b"1/1 -: " in err
    assert b"no effect" not in err
    assert list(folder.iterdir()) == []


def test_what_is_printed_on_the_way_stays_out_of_the_picture(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    feed(monkeypatch, picture())
    real = Pipes.save

    def save(self: Pipes, data: bytes, path: Path, *, overwrite: bool) -> None:
        print("a library prints")  # noqa: T201
        real(self, data, path, overwrite=overwrite)

    monkeypatch.setattr(Pipes, "save", save)
    assert run("-", "-o", "-", "--method", "fast") == 0
    out, err = capsysbinary.readouterr()
    assert out.startswith(b"\x89PNG")
    assert b"a library prints" in err


def test_a_file_can_go_to_standard_output_and_standard_input_to_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (folder / "a.jpg").write_bytes(picture("JPEG"))
    assert run("a.jpg", "-o", "-", "--method", "fast") == 0
    assert capsysbinary.readouterr().out.startswith(b"\xff\xd8")
    feed(monkeypatch, picture())
    assert run("-", "-o", "b.png", "--method", "fast") == 0
    assert capsysbinary.readouterr().out == b"b.png\n"
    assert sorted(path.name for path in folder.iterdir()) == ["a.jpg", "b.png"]


@posix
def test_a_fifo_is_read(folder: Path, capsys: pytest.CaptureFixture) -> None:
    os.mkfifo(folder / "pipe")
    writer = threading.Thread(target=(folder / "pipe").write_bytes, args=(picture(),))
    writer.start()
    assert run("pipe", "-o", "b.png", "--method", "fast") == 0
    writer.join()
    assert capsys.readouterr().out == "b.png\n"


@posix
@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0", "/dev/zero", "pipe"])
@pytest.mark.parametrize("options", [(), ("--output-dir", "big")])
def test_a_stream_needs_a_place_for_its_result(
    name: str,
    options: tuple[str, ...],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    os.mkfifo(folder / "pipe")
    feed(monkeypatch, picture())
    assert run(name, "--method", "fast", *options) == 2
    err = capsys.readouterr().err
    assert "-o FILE" in err
    assert err.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == ["pipe"]


@posix
def test_a_file_behind_dev_stdin_is_still_a_stream(tmp_path: Path) -> None:
    assert is_stream(Path("/dev/fd/0"))
    (tmp_path / "a.png").write_bytes(b"")
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "a.png")
    assert not is_stream(link)


@posix
def test_a_device_is_no_picture(capsys: pytest.CaptureFixture) -> None:
    assert run("/dev/zero", "-o", "b.png", "--method", "fast") == 3
    assert "/dev/zero is neither a file nor a folder" in capsys.readouterr().err


def test_a_terminal_is_no_place_for_pictures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    feed(monkeypatch, b"", is_terminal=True)
    assert run("-", "-o", "b.png", "--method", "fast") == 2
    assert "Standard input is a terminal" in capsys.readouterr().err
    feed(monkeypatch, picture())
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run("-", "-o", "-", "--method", "fast") == 2
    assert "Standard output is a terminal" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_an_error_names_standard_input_and_not_its_copy(
    data: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    feed(monkeypatch, data)
    assert run("-", "-o", "-", "--method", "fast") == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "standard input is " in err
    assert "scalediff-stream" not in err


def test_json_and_a_picture_cannot_share_standard_output(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    (folder / "a.png").write_bytes(picture())
    assert run("a.png", "-o", "-", "--json", "--method", "fast") == 2
    assert "--json" in capsys.readouterr().err


def test_an_input_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "_MAX_BYTES", 10)
    feed(monkeypatch, bytes(11))
    streams = Pipes(sys.stdout)
    with pytest.raises(InputError, match="more than"):
        streams.file_of(STREAM)
    streams.close()


def test_a_file_may_be_called_a_hyphen(folder: Path) -> None:
    assert parse_path("-") == STREAM
    assert parse_path("./-") == folder / "-"
    assert not is_stream(parse_path("./-"))


def test_an_interrupt_that_ends_the_process_leaves_no_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed(monkeypatch, picture())
    said: list[str] = []
    interrupts = Interrupts(before_leaving=lambda: said.append("bye"))
    request = UpscaleRequest((STREAM,), file=Path("b.png"))
    with opened(request, interrupts) as (_, streams):
        copy = streams.file_of(STREAM)
        assert copy.read_bytes() == picture()
        interrupts.before_leaving()
        assert not copy.exists()
    assert said == ["bye"]
    interrupts.before_leaving()
    assert said == ["bye", "bye"]


def test_a_result_for_standard_output_takes_one_picture() -> None:
    with pytest.raises(UsageError, match="2 inputs"):
        UpscaleRequest((STREAM, Path("a.png")), file=STREAM)
