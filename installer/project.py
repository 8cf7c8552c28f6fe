"""What ``pyproject.toml`` says about the environment."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from installer.failures import SetupFailure

_VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Project:
    """The tables that decide what is installed."""

    name: str
    version: str
    requires_python: str
    dependencies: tuple[str, ...]
    extras: dict[str, tuple[str, ...]]
    scripts: dict[str, str]

    def key(self, extras: tuple[str, ...], constraints: str) -> str:
        """Give a digest of what decides the environment with some extras."""
        pins = [line.split("#")[0].strip() for line in constraints.splitlines()]
        decides = {
            "python": self.requires_python,
            "dependencies": sorted(self.dependencies),
            "extras": {extra: sorted(self.extras[extra]) for extra in extras},
            "scripts": self.scripts,
            "pins": sorted(pin for pin in pins if pin),
        }
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()

    def needs(self, package: str) -> bool:
        """Say whether a package is a direct dependency."""
        names = (_NAME.match(dependency) for dependency in self.dependencies)
        return any(name is not None and name[0] == package for name in names)


def read_project(clone: Path) -> Project:
    """Read a clone's ``pyproject.toml``.

    Raises:
        SetupFailure: it is missing, or it is not the expected TOML.
    """
    path = clone / "pyproject.toml"
    try:
        table = tomllib.loads(path.read_text("utf-8"))["project"]
        return Project(
            name=table["name"],
            version=_version_of(clone),
            requires_python=table["requires-python"],
            dependencies=tuple(table["dependencies"]),
            extras={
                extra: tuple(needed)
                for extra, needed in table.get("optional-dependencies", {}).items()
            },
            scripts=dict(table.get("scripts", {})),
        )
    except (OSError, tomllib.TOMLDecodeError, KeyError, UnicodeDecodeError) as error:
        raise SetupFailure(f"{path} cannot be used ({error}): is the clone complete?") from error


def _version_of(clone: Path) -> str:
    found = _VERSION.search((clone / "scalediff_engine" / "__init__.py").read_text("utf-8"))
    return found[1] if found else "0"
