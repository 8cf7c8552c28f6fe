"""Where things lie in a clone and in its environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ON_WINDOWS = sys.platform == "win32"


@dataclass(frozen=True)
class Layout:
    """The paths of one clone and of the environment that serves it; both are real paths."""

    clone: Path
    env: Path

    @property
    def pyproject(self) -> Path:
        """The table of dependencies."""
        return self.clone / "pyproject.toml"

    @property
    def constraints(self) -> Path:
        """The pinned versions that were tested."""
        return self.clone / "installer" / "constraints.txt"

    @property
    def scripts(self) -> Path:
        """The folder of the environment's programs."""
        return self.env / ("Scripts" if ON_WINDOWS else "bin")

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.program("python")

    def program(self, name: str) -> Path:
        """Give the path of one of the environment's programs."""
        return self.scripts / (f"{name}.exe" if ON_WINDOWS else name)

    @property
    def stamp(self) -> Path:
        """Says what the environment holds; written last, so without it nothing is finished."""
        return self.env / "scalediff-stamp.json"

    @property
    def lock(self) -> Path:
        """One start at a time works on the environment; also the sign that it is ours to change."""
        return self.env / "scalediff-lock"

    @property
    def log(self) -> Path:
        """What pip and uv said."""
        return self.env / "scalediff-install.log"

    @property
    def scratch(self) -> Path:
        """Temporary files: on the environment's own disk, because /tmp is often a small one."""
        return self.env / "scalediff-tmp"


def find_layout(clone: Path, environ: Mapping[str, str]) -> Layout:
    """Give the layout of a clone: the environment is its ``.venv`` or what SCALEDIFF_ENV names."""
    chosen = environ.get("SCALEDIFF_ENV", "")
    env = Path(chosen).expanduser() if chosen else clone / ".venv"
    return Layout(clone=Path(os.path.realpath(clone)), env=Path(os.path.realpath(env)))
