from __future__ import annotations

import errno
from pathlib import Path

import pytest

from installer.core.errors import GB, InstallError, Unreachable, from_log, from_os_error

LOG = Path("/clone/.venv/installer.log")
ENV = Path("/clone/.venv")


def error_of(output: str) -> InstallError:
    return from_log("installing the packages", 1, output, LOG, 3 * GB)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("error: Request failed\n  cause: dns error\n", "The package index cannot be reached."),
        ("  cause: invalid peer certificate: UnknownIssuer\n", "The certificate of the package"),
        ("error: Failed to download `torch`\n", "A download broke off."),
        (
            "error: failed to write: No space left on device (os error 28)\n",
            "The disk became full during this step: installing the packages. The environment "
            "needs about 3 GB",
        ),
        (
            "  cause: Because there is no version of torch==9 and you require torch==9, we can\n",
            "The package index has no torch==9 for this system and this Python.",
        ),
        (
            "  cause: Because tiny was not found in the package registry\n",
            "The package index has no tiny for this system and this Python.",
        ),
        ("error: Hash mismatch for `idna==3.20`\n", "A downloaded file is not the one"),
        ("error: No interpreter found for Python >=3.11\n", "No Python from 3.11 to 3.14"),
        ("OSError: [Errno 13] Permission denied: '/x'", "A file could not be written"),
        (
            "Resolved 3\nerror: it is odd\nerror: see elsewhere\n",
            "This step failed with exit code 1: installing the packages. "
            'It said: "error: it is odd".',
        ),
        (
            "Resolved 3\nKilled\n",
            'This step failed with exit code 1: installing the packages. It said: "Killed".',
        ),
        ("", "This step failed with exit code 1: installing the packages. The whole log"),
    ],
)
def test_what_uv_says_becomes_a_sentence_that_names_the_log(output: str, expected: str) -> None:
    assert str(error_of(output)).startswith(expected)
    assert str(error_of(output)).endswith(str(LOG))


def test_only_an_unreachable_index_is_told_apart_by_its_class() -> None:
    assert isinstance(error_of("dns error"), Unreachable)
    assert isinstance(error_of("connection closed"), Unreachable)
    assert not isinstance(error_of("Permission denied"), Unreachable)


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
