"""Nothing is sent, and no library leaves an identity in the user's home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ENLARGE = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        raise SystemExit(f"network: {event} {arguments}")

sys.addaudithook(refuse)
import scalediff_engine
import numpy as np
from scalediff_engine.upscalers.enlarge import enlarge_to
from scalediff_engine.base.geometry import Size

enlarge_to(np.zeros((16, 16, 3), np.float32), Size(32, 32))
"""

LIBRARIES = """
import scalediff_engine
import huggingface_hub.constants as hub
from diffusers.utils import hub_utils

assert hub.HF_HUB_DISABLE_TELEMETRY and hub_utils.HF_HUB_DISABLE_TELEMETRY
assert hub.HF_HUB_DISABLE_UPDATE_CHECK
"""


def run(code: str, home: Path) -> None:
    # continuous integration switches telemetry off by itself, a user's machine does not
    drop = {"CI", "ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"}
    environment = {k: v for k, v in os.environ.items() if k not in drop and "XDG" not in k}
    environment |= {"HOME": str(home), "USERPROFILE": str(home)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_enlarging_leaves_nothing_in_the_home(tmp_path: Path) -> None:
    run(ENLARGE, tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == []


@pytest.mark.slow
def test_the_hub_libraries_have_telemetry_and_update_checks_off(tmp_path: Path) -> None:
    run(LIBRARIES, tmp_path)
