"""The real program as a process of its own, and pictures to feed it."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


@dataclass
class Outcome:
    """What the program left behind."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]


@dataclass
class Program:
    """Starts ``python -m scalediff_engine`` in a folder, with caches and logs of its own."""

    folder: Path
    state: Path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "scalediff_engine", *arguments]

    def environment(self) -> dict[str, str]:
        root = str(Path(__file__).parents[2])
        return {
            **os.environ,
            "PYTHONPATH": root,
            "XDG_CACHE_HOME": str(self.state / "cache"),
            "XDG_STATE_HOME": str(self.state / "state"),
            "HF_HUB_OFFLINE": "1",
        }

    def __call__(self, *arguments: str) -> Outcome:
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start without waiting; Ctrl-C works as in a terminal, however the tests were started."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def interrupt_when(
        self, ready: Callable[[str], bool], *arguments: str, times: int = 1
    ) -> Outcome:
        """Start with ``--json`` and press Ctrl-C after the first line that is ``ready``."""
        process = self.start(*arguments, "--json")
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if ready(line):
                for _ in range(times):
                    process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=200)
        return Outcome(process.returncode, "".join(lines) + out, err)

    def files(self) -> set[str]:
        """Every file below the folder, hidden ones too."""
        return {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if not path.is_dir()
        }


def picture(path: Path, width: int = 32, height: int = 32) -> Path:
    """Write a small picture with something to see in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 7 % 256, y * 5 % 256, (x * y) % 256], axis=2).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def bomb(path: Path, side: int = 50_000) -> Path:
    """Write a PNG whose header promises ``side`` x ``side`` pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    return path
