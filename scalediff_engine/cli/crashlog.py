"""Where the traceback of an unexpected error goes: a file, never the terminal."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import scalediff_engine
from scalediff_engine.base.errors import ScaleDiffError
from scalediff_engine.client.files import make_private, open_private
from scalediff_engine.memory.oom import memory_ran_out


def write_crash(error: BaseException, arguments: list[str]) -> Path | None:
    """Append ``error`` to the log file; gives the file, or None where no folder can be written.

    The arguments may hold a prompt: nobody but the owner can read the file.
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
        # a name that nobody can foresee, for the owner alone
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
