"""A screen of its own, with somebody who presses keys and looks at it: Xvfb and XTEST."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

# Offset of the state in XWindowAttributes on 64 bits, and what it is for a window that shows.
_MAP_STATE, _VIEWABLE = 92, 2
_X = "libX11.so.6"
_XTEST = "libXtst.so.6"


class Screen:
    """A screen.

    Attributes:
        name: as in ``:99``
    """

    def __init__(self, name: str, frame: Path) -> None:
        self.name = name
        self._frame = frame
        self._x, self._test = ctypes.CDLL(_X), ctypes.CDLL(_XTEST)
        # a window that goes away meanwhile is no reason to end the tests
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        self._passed_over = kind(lambda _display, _error: 0)
        self._x.XSetErrorHandler(self._passed_over)
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        self._x.XStringToKeysym.restype = ctypes.c_ulong
        self._display = ctypes.c_void_p(self._x.XOpenDisplay(name.encode()))
        assert self._display, "no display"

    def press(self, *keys: str) -> None:
        """Press keys together, as in ``press("Control_L", "z")``."""
        codes = [self._code(key) for key in keys]
        for code in codes:
            self._test.XTestFakeKeyEvent(self._display, code, 1, 0)
        for code in reversed(codes):
            self._test.XTestFakeKeyEvent(self._display, code, 0, 0)
        self._flush()

    def move(self, x: int, y: int) -> None:
        """Move the pointer."""
        self._test.XTestFakeMotionEvent(self._display, -1, x, y, 0)
        self._flush()

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Click somewhere."""
        self.move(x, y)
        time.sleep(0.1)
        self._test.XTestFakeButtonEvent(self._display, button, 1, 0)
        self._test.XTestFakeButtonEvent(self._display, button, 0, 30)
        self._flush()

    def drag(self, x: int, y: int, to_x: int, to_y: int) -> None:
        """Paint a stroke."""
        self.move(x, y)
        self._test.XTestFakeButtonEvent(self._display, 1, 1, 0)
        for part in range(1, 11):
            self.move(x + (to_x - x) * part // 10, y + (to_y - y) * part // 10)
            time.sleep(0.02)
        self._test.XTestFakeButtonEvent(self._display, 1, 0, 0)
        self._flush()

    def windows(self) -> dict[str, int]:
        """Give the windows that show by their titles, or sizes; the topmost of a title counts."""
        root, parent, children = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_void_p()
        count = ctypes.c_uint()
        self._x.XDefaultRootWindow.restype = ctypes.c_ulong
        top = ctypes.c_ulong(self._x.XDefaultRootWindow(self._display))
        places = (root, parent, children, count)
        self._x.XQueryTree(self._display, top, *(ctypes.byref(place) for place in places))
        found: dict[str, int] = {}
        for window in (ctypes.c_ulong * count.value).from_address(children.value or 0):
            name, state = ctypes.c_char_p(), ctypes.create_string_buffer(256)
            self._x.XGetWindowAttributes(self._display, ctypes.c_ulong(window), state)
            if int.from_bytes(state.raw[_MAP_STATE : _MAP_STATE + 4], "little") != _VIEWABLE:
                continue
            self._x.XFetchName(self._display, ctypes.c_ulong(window), ctypes.byref(name))
            title = (name.value or b"").decode("utf-8", "replace")
            width, height = struct.unpack("<2i", state.raw[8:16])
            found[title or f"{width}x{height}"] = window
        return found

    def resize(self, window: int, x: int, y: int, width: int, height: int) -> None:
        """Do what a window manager would."""
        self._x.XMoveResizeWindow(
            self._display, ctypes.c_ulong(window), x, y, ctypes.c_uint(width), ctypes.c_uint(height)
        )
        self._flush()

    def focus(self, window: int) -> None:
        """Let a window hear the keys, and lie on top."""
        self._x.XRaiseWindow(self._display, ctypes.c_ulong(window))
        self._x.XSetInputFocus(self._display, ctypes.c_ulong(window), 1, 0)
        self._flush()

    def picture(self) -> Image.Image:
        """What is to be seen."""
        with self._frame.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=1) as data:
            words = struct.unpack(">25I", data[:100])
            header, width, height, row, colours = (words[i] for i in (0, 4, 5, 12, 19))
            start = header + 12 * colours
            found = np.frombuffer(data[start : start + row * height], np.uint8)
        pixels: Any = found.reshape(height, row // 4, 4)[:, :width, 2::-1]
        return Image.fromarray(np.ascontiguousarray(pixels))

    def _code(self, key: str) -> int:
        return int(
            self._x.XKeysymToKeycode(
                self._display, ctypes.c_ulong(self._x.XStringToKeysym(key.encode()))
            )
        )

    def _flush(self) -> None:
        self._x.XSync(self._display, 0)


@contextmanager
def _no_other_starts_or_ends() -> Iterator[None]:
    """Hold the lock of ``common.sh``; see there."""
    with Path("/tmp/scalediff-tests-xvfb.lock").open("w") as lock:  # noqa: S108
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def screen(size: str = "1280x800x24") -> Iterator[Screen]:
    """A screen that is gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        number = Path(folder) / "number"
        with _no_other_starts_or_ends(), number.open("w") as told:
            process = subprocess.Popen(
                [
                    "Xvfb",
                    "-noreset",  # or a client is dropped that connects while the last leaves
                    "-displayfd",
                    "1",
                    "-screen",
                    "0",
                    size,
                    "-nolisten",
                    "tcp",
                    "-fbdir",
                    folder,
                ],
                stdout=told,
                stderr=subprocess.DEVNULL,
            )
            end = time.monotonic() + 20
            while not number.read_text().endswith("\n") and time.monotonic() < end:
                time.sleep(0.02)
        try:
            assert number.read_text().endswith("\n"), "Xvfb did not start"
            yield Screen(f":{number.read_text().strip()}", Path(folder) / "Xvfb_screen0")
        finally:
            with _no_other_starts_or_ends():
                process.terminate()
                process.wait(10)
