"""Pictures from standard input, pipes and devices, and a result for standard output."""

from __future__ import annotations

import shutil
import stat
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, TextIO, TypeVar

from scalediff_engine.base.errors import InputError, OutputError, ScaleDiffError, UsageError
from scalediff_engine.base.files import make_folder, write_whole
from scalediff_engine.cli.interrupt import Interrupts
from scalediff_engine.cli.request import STREAM, Request, UpscaleRequest
from scalediff_engine.cli.streams import StdoutClosed
from scalediff_engine.images import reader
from scalediff_engine.images.formats import Format, Loaded, Probe, format_for

AnyRequest = TypeVar("AnyRequest", bound=Request)

_MAX_BYTES = 4 * 2**30
_CHUNK_BYTES = 2**20
# What is below these folders is no file of the user's, whatever it leads to.
_DEVICE_FOLDERS = (Path("/dev"), Path("/proc"))
_FORMATS = {form.value: form for form in Format} | {"mpo": Format.JPEG}


def is_stream(path: Path) -> bool:
    """Return whether no result can lie beside an input: it is standard input, a pipe, a device."""
    if path == STREAM or any(path.absolute().is_relative_to(top) for top in _DEVICE_FOLDERS):
        return True
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


@dataclass
class Pipes:
    """Copies of streams as files: a stream can be read once, and a picture is looked at twice.

    Attributes:
        output_format: of a result for standard output
        stdout: standard output, wherever prints go
    """

    stdout: TextIO
    output_format: Format = Format.PNG
    _folder: str | None = None
    _copies: dict[Path, Path] = field(default_factory=dict[Path, Path])

    def file_of(self, path: Path) -> Path:
        """Return the file to read for an input; a stream is read to its end the first time.

        Raises:
            UsageError: standard input is a terminal.
            InputError: it cannot be read, or has no end.
        """
        if not is_stream(path):
            return path
        if path not in self._copies:
            if path == STREAM and sys.stdin.isatty():
                raise UsageError("Standard input is a terminal; redirect a file or a pipe to it.")
            if path != STREAM and stat.S_ISCHR(path.stat().st_mode):
                raise InputError(f"{path} is a device and not a picture's file.")
            self._folder = self._folder or tempfile.mkdtemp(prefix="scalediff-stream-")
            copy = Path(self._folder) / str(len(self._copies))
            try:
                if path == STREAM:
                    _copy(sys.stdin.buffer, copy)
                else:
                    with path.open("rb") as source:
                        _copy(source, copy)
            except OSError as error:
                raise InputError(f"Cannot read {_name(path)}: {error.strerror}.") from error
            self._copies[path] = copy
        return self._copies[path]

    @contextmanager
    def _named(self, path: Path) -> Generator[Path]:
        """Give the file to read for an input; errors name the input and not its copy."""
        file = self.file_of(path)
        try:
            yield file
        except ScaleDiffError as error:
            raise type(error)(str(error).replace(str(file), _name(path))) from error

    def probe(self, path: Path) -> Probe:
        """Read the header of an input.

        Raises:
            ScaleDiffError: as ``file_of`` and ``reader.probe``.
        """
        with self._named(path) as file:
            return reader.probe(file)

    def load(self, path: Path) -> Loaded:
        """Read the picture of an input.

        Raises:
            ScaleDiffError: as ``file_of`` and ``reader.load``.
        """
        with self._named(path) as file:
            return reader.load(file)

    def save(self, data: bytes, path: Path, *, overwrite: bool) -> None:
        """Write the file of a result, whole or not at all, or write it to standard output.

        Raises:
            StdoutClosed: standard output is a pipe that nothing reads any more.
            OutputError: it cannot be written, or exists.
        """
        if path == STREAM:
            self._write(data)
            return
        make_folder(path)
        write_whole(path, data, overwrite=overwrite)

    def close(self) -> None:
        """Delete the copies."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, data: bytes) -> None:
        try:
            self.stdout.buffer.write(data)
            self.stdout.buffer.flush()
        except BrokenPipeError as error:
            raise StdoutClosed from error
        except OSError as error:
            raise OutputError(f"Standard output cannot be written: {error.strerror}.") from error


@contextmanager
def opened(request: AnyRequest, interrupts: Interrupts) -> Generator[tuple[AnyRequest, Pipes]]:
    """Give a request with the format of a result for standard output filled in.

    While a result goes to standard output, what libraries print goes to standard error.

    Raises:
        UsageError: a stream has no place for its result, or the terminal would get one.
    """
    pipes, before = Pipes(sys.stdout), interrupts.before_leaving

    def close_and_leave() -> None:
        pipes.close()
        before()

    interrupts.before_leaving = close_and_leave
    try:
        inputs = request.inputs if isinstance(request, UpscaleRequest) else ()
        file = request.file
        for path in inputs:
            if file is None and is_stream(path):
                raise UsageError(
                    f"There is no folder for the result of {_name(path)}; "
                    "name a file with -o FILE, or use -o - for standard output."
                )
        if file != STREAM:
            yield request, pipes
            return
        if sys.stdout.isatty() and not request.dry_run:
            raise UsageError("Standard output is a terminal; redirect it to a file or a pipe.")
        pipes.output_format = request.destination.format or _format(inputs, pipes)
        destination = replace(request.destination, format=pipes.output_format)
        with redirect_stdout(sys.stderr):
            yield replace(request, destination=destination), pipes
    finally:
        interrupts.before_leaving = before
        pipes.close()


def _format(inputs: tuple[Path, ...], pipes: Pipes) -> Format:
    """Return the format of the one input, or else PNG."""
    if not inputs:
        return Format.PNG
    if not is_stream(inputs[0]):
        return format_for(inputs[0])
    try:
        found = reader.probe(pipes.file_of(inputs[0])).format_name
    except UsageError:
        raise
    except ScaleDiffError:  # it will be told when the file's turn comes
        return Format.PNG
    return _FORMATS.get(found.lower(), Format.PNG)


def _name(path: Path) -> str:
    return "standard input" if path == STREAM else str(path)


def _copy(source: BinaryIO, target: Path) -> None:
    with target.open("xb") as copy:
        left_bytes = _MAX_BYTES
        while chunk := source.read(_CHUNK_BYTES):
            left_bytes -= len(chunk)
            if left_bytes < 0:
                raise InputError(f"The input has more than {_MAX_BYTES // 2**30} GiB.")
            copy.write(chunk)
