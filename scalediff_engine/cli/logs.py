"""The log of ``-v`` and ``--log-file``, and the file for the traceback of an unexpected error."""

from __future__ import annotations

import logging
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import scalediff_engine
from scalediff_engine.base.errors import OutputError, ScaleDiffError
from scalediff_engine.cli.streams import one_line
from scalediff_engine.client.files import make_private, open_private
from scalediff_engine.memory.oom import memory_ran_out

if TYPE_CHECKING:
    from types import TracebackType

    ExceptionInfo = (
        tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    )

_log = logging.getLogger(__name__)
_ROOT = "scalediff_engine"
# Set on a record whose words are on standard error without it.
SHOWN = "is_shown"


class _Formatter(logging.Formatter):
    """Escapes control characters, which may be in file names; a message stays on one line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return one_line(super().formatMessage(record))

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802 - logging's name
        return "\n".join(map(one_line, super().formatException(ei).split("\n")))


@contextmanager
def logging_to(
    verbosity: int, file: Path | None, arguments: Sequence[str], origins: Mapping[str, str]
) -> Generator[None]:
    """Log to standard error (as far as ``verbosity`` says) and to a file.

    Args:
        verbosity: 0 = not to standard error, 1 = without details
        file: appended to; None = no file
        arguments: of the command line
        origins: variable or file of each option that was set there

    Raises:
        OutputError: the file cannot be written.
    """
    logger = logging.getLogger(_ROOT)
    level, handlers = logger.level, _handlers(verbosity, file)
    logger.setLevel(logging.DEBUG)
    for handler in handlers:
        logger.addHandler(handler)
    try:
        version = scalediff_engine.__version__
        _log.info(
            "scalediff %s, Python %s, %s", version, sys.version.split()[0], platform.platform()
        )
        _log.debug("arguments: %s", list(arguments))
        for key, origin in origins.items():
            _log.info("--%s is set in %s", key, origin)
        yield
    except Exception as error:
        _log.debug("ended by %s", type(error).__name__, exc_info=True)
        raise
    finally:
        logger.setLevel(level)
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def _handlers(verbosity: int, file: Path | None) -> list[logging.Handler]:
    handlers: list[logging.Handler] = []
    if file is not None:
        try:
            to_file = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise OutputError(f"Cannot write the log file {file}: {error.strerror}.") from error
        to_file.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handlers.append(to_file)
    if verbosity:
        to_stderr = logging.StreamHandler(sys.stderr)
        to_stderr.setFormatter(_Formatter())
        to_stderr.setLevel(logging.INFO if verbosity == 1 else logging.DEBUG)
        to_stderr.addFilter(lambda record: not getattr(record, SHOWN, False))
        handlers.append(to_stderr)
    return handlers


def write_crash(error: BaseException, arguments: list[str]) -> Path | None:
    """Append ``error`` to the log file; gives the file, or None where no folder can be written.

    Only the owner can read the file, since the arguments may contain a prompt.
    """
    import platformdirs

    moment = datetime.now(UTC).isoformat(timespec="seconds")
    text = (
        f"{moment} scalediff {scalediff_engine.__version__}, Python {sys.version.split()[0]}, "
        f"{sys.platform}\narguments: {arguments}\n"
        + "".join(traceback.format_exception(error))
        + "\n"
    )
    data = text.encode("utf-8", "backslashreplace")
    with suppress(OSError):
        file = Path(platformdirs.user_log_dir("scalediff", False)) / "scalediff-errors.log"
        make_private(file.parent)
        with open_private(file) as log:
            log.write(data)
        return file
    with suppress(OSError):
        # an unpredictable name, readable by the owner only
        handle, name = tempfile.mkstemp(prefix="scalediff-errors-", suffix=".log")
        with os.fdopen(handle, "wb") as log:
            log.write(data)
        return Path(name)
    return None


def crash_error(error: BaseException, arguments: list[str]) -> ScaleDiffError:
    """Log ``error`` and give one sentence: that memory ran out, or where the log is."""
    file = write_crash(error, arguments)
    shortage = memory_ran_out(error, None)
    if shortage is not None:
        return shortage
    kept = "it could not be logged" if file is None else f"the details are in {file}"
    return ScaleDiffError(f"An unexpected error ({type(error).__name__}); {kept}.")
