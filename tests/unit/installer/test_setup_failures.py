from __future__ import annotations

import errno
from pathlib import Path

import pytest

from installer.failures import GB, StepEnd, Unreachable, from_log, from_os_error

LOG = Path("/clone/.venv/scalediff-install.log")
ENV = Path("/clone/.venv")


def sentence(said: str) -> str:
    return str(from_log(StepEnd("installing the packages", 1, said), LOG, 3 * GB))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\n"
            "ERROR: No matching distribution found for uv\n",
            "The package index cannot be reached.",
        ),
        ("  cause: dns error\n", "The package index cannot be reached."),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on "
            "device\n",
            "The disk became full during this step: installing the packages. The environment "
            "needs about 3 GB",
        ),
        (
            "ERROR: No matching distribution found for torch>=2.9 (from scalediff)\n",
            "The package index has no torch>=2.9 for this system and this Python.",
        ),
        ("OSError: [Errno 13] Permission denied: '/x'", "A file could not be written"),
        (
            "Collecting a\nERROR: it is odd\nERROR: see elsewhere\n",
            "This step failed with exit code 1: installing the packages. "
            'It said: "ERROR: it is odd".',
        ),
        (
            "Collecting a\nKilled\n",
            'This step failed with exit code 1: installing the packages. It said: "Killed".',
        ),
        ("", "This step failed with exit code 1: installing the packages. The whole log"),
    ],
)
def test_what_pip_says_becomes_a_sentence_that_names_the_log(said: str, expected: str) -> None:
    assert sentence(said).startswith(expected)
    assert sentence(said).endswith(str(LOG))


def test_only_an_unreachable_index_is_told_apart_by_its_class() -> None:
    assert isinstance(from_log(StepEnd("s", 1, "dns error"), LOG, GB), Unreachable)
    assert not isinstance(from_log(StepEnd("s", 1, "Permission denied"), LOG, GB), Unreachable)


def test_a_full_disk_is_told_with_both_sizes() -> None:
    error = OSError(errno.ENOSPC, "No space left on device")

    assert "needs 3.0 GB and the disk of /clone/.venv has 0.5 GB free" in str(
        from_os_error(error, ENV, GB // 2, 3 * GB)
    )


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_leads_to_scalediff_env(number: int) -> None:
    error = OSError(number, "no", "/clone/.venv")

    assert str(from_os_error(error, ENV, GB, GB)).startswith(
        "/clone/.venv cannot be written by this user. Set SCALEDIFF_ENV"
    )
