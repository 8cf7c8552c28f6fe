"""A Python that ScaleDiff runs on, where the one that was started is too old or too new."""

from __future__ import annotations

import shutil
import subprocess
import sys

OLDEST = (3, 11)
NEWEST = (3, 14)
_PROBE = "import sys; print('%d %d' % sys.version_info[:2])"
_PROBE_LIMIT_S = 20


def is_supported(version: tuple[int, int]) -> bool:
    """Say whether ScaleDiff runs on a version of Python."""
    return OLDEST <= version <= NEWEST


def candidates(platform: str) -> list[list[str]]:
    """Give the commands that may start a supported Python, the best tested version first."""
    versions = [f"3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
    named = [[f"python{version}"] for version in versions]
    if platform == "win32":
        named = [["py", f"-{version}"] for version in versions] + named
    return [*named, ["python3"], ["python"]]


def find_supported() -> list[str] | None:
    """Give the command of a supported Python; each is asked, since a name on PATH proves little."""
    for command in candidates(sys.platform):
        program = shutil.which(command[0])
        if program and _answers([program, *command[1:]]):
            return [program, *command[1:]]
    return None


def version_of(command: list[str]) -> tuple[int, int] | None:
    """Ask an interpreter for its version; None when it does not start."""
    try:
        done = subprocess.run(
            [*command, "-I", "-S", "-c", _PROBE],
            capture_output=True,
            check=True,
            timeout=_PROBE_LIMIT_S,
        )
        major, minor = done.stdout.split()
        return int(major), int(minor)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _answers(command: list[str]) -> bool:
    version = version_of(command)
    return version is not None and is_supported(version)


def none_found(version: tuple[int, int]) -> str:
    """Give the sentence for a machine without a supported Python."""
    return (
        f"ScaleDiff needs Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}; this is "
        f"Python {version[0]}.{version[1]} and no other was found on PATH."
    )
