"""Where this machine's own measurements and compiled code are kept; all may be deleted."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Give the user's cache folder of this program; it need not exist."""
    return Path(platformdirs.user_cache_dir("scalediff", False))


def compiled_folder() -> Path:
    """Give the folder for compiled code."""
    return cache_folder() / "compiled"
