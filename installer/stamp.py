"""Whether the environment is what the clone needs: cheap enough to ask at every start."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any, cast

from installer.layout import Layout
from installer.torch_build import serves

FORMAT = 1


@dataclass(frozen=True)
class Stamp:
    """What a finished environment holds.

    Attributes:
        env, clone: the folders that it was made for; programs in it hold absolute paths
        interpreter: the real path behind its ``python``
        python: that interpreter's version, such as "3.11"
        site_packages: where packages lie, relative to the environment
        digest: of the files that decide the environment, byte for byte
        key: of what in these files decides it, so that an edit elsewhere installs nothing
        extras: the extras that are installed
        torch: the accelerator that the build of PyTorch was chosen for
        backend: uv's name for where that build came from; empty for the ordinary index
        installed: "name==version" -> the names that it owns in site-packages; the lock
    """

    env: str
    clone: str
    interpreter: str
    python: str
    site_packages: str
    digest: str
    key: str
    extras: tuple[str, ...]
    torch: str
    backend: str
    installed: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Seen:
    """What a start finds and wants, to be laid beside the stamp.

    Attributes:
        interpreter: the real path behind the environment's ``python``, empty when it leads nowhere
        names: what lies in site-packages
        has_program: the ``scalediff`` program is there
    """

    env: str
    clone: str
    interpreter: str
    names: frozenset[str]
    has_program: bool
    digest: str
    extras: tuple[str, ...]
    torch: str


class Verdict(Enum):
    """What a start has to do first."""

    FRESH = "start"
    CHANGED = "look closer, and install what changed"
    BROKEN = "make the environment anew"


@dataclass(frozen=True)
class Finding:
    """A verdict and its reason for people."""

    verdict: Verdict
    reason: str


def judge(stamp: Stamp | None, seen: Seen) -> Finding:
    """Lay what a start found beside the stamp.

    A package whose record is there and whose files are not is BROKEN, because pip believes the
    record; one without a record is CHANGED, because pip sees that it is missing.
    """
    if stamp is None:
        return Finding(Verdict.BROKEN, "it is not complete")
    broken = _broken(stamp, seen)
    if broken:
        return Finding(Verdict.BROKEN, broken)
    changed = _changed(stamp, seen)
    if changed:
        return Finding(Verdict.CHANGED, changed)
    return Finding(Verdict.FRESH, "")


def _broken(stamp: Stamp, seen: Seen) -> str:
    if stamp.env != seen.env:
        return f"it was made in {stamp.env}"
    if not seen.interpreter:
        return f"its Python {stamp.python} is gone"
    if not seen.has_program:
        return "its scalediff program is gone"
    for pin, owned in stamp.installed.items():
        if record_name(pin) in seen.names and not seen.names.issuperset(owned):
            return f"files of {pin} are gone"
    if not serves(stamp.torch, seen.torch):
        return f"its PyTorch is for {stamp.torch} and this machine has {seen.torch}"
    return ""


def _changed(stamp: Stamp, seen: Seen) -> str:
    if stamp.interpreter != seen.interpreter:
        return "its Python moved"
    if stamp.clone != seen.clone:
        return f"it served {stamp.clone}"
    more = sorted(set(seen.extras) - set(stamp.extras))
    if more:
        return f"it lacks {', '.join(more)}"
    if stamp.digest != seen.digest:
        return "the dependencies may have changed"
    for pin in stamp.installed:
        if record_name(pin) not in seen.names:
            return f"{pin} is gone"
    return ""


def record_name(pin: str) -> str:
    """Give the name of a package's record folder in site-packages."""
    return pin.replace("==", "-") + ".dist-info"


def look(layout: Layout, stamp: Stamp | None, *, extras: tuple[str, ...], accelerator: str) -> Seen:
    """Look at the environment; a few dozen system calls and no process."""
    interpreter = os.path.realpath(layout.python) if layout.python.exists() else ""
    site_packages = layout.env / stamp.site_packages if stamp else layout.env
    names: frozenset[str] = frozenset()
    if site_packages.is_dir():
        names = frozenset(os.listdir(site_packages))  # noqa: PTH208 - Path objects cost more here
    return Seen(
        env=str(layout.env),
        clone=str(layout.clone),
        interpreter=interpreter,
        names=names,
        has_program=layout.program("scalediff").exists(),
        digest=digest_of((layout.pyproject, layout.constraints)),
        extras=extras,
        torch=accelerator,
    )


def digest_of(paths: tuple[Path, ...]) -> str:
    """Give one digest of some files' bytes; a file that is not there counts as empty."""
    whole = hashlib.sha256()
    for path in paths:
        content = path.read_bytes() if path.exists() else b""
        whole.update(len(content).to_bytes(8, "big") + content)
    return whole.hexdigest()


def read_stamp(path: Path) -> Stamp | None:
    """Read a stamp; None when there is none, or one that another version of the installer wrote."""
    try:
        raw: Any = json.loads(path.read_text("utf-8"))
        if raw.pop("format") != FORMAT:
            return None
        raw["extras"] = tuple(raw["extras"])
        owned = cast("dict[str, list[str]]", raw["installed"])
        raw["installed"] = {pin: tuple(names) for pin, names in owned.items()}
        return Stamp(**raw)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_stamp(path: Path, stamp: Stamp) -> None:
    """Write a stamp whole or not at all."""
    text = json.dumps({"format": FORMAT, **asdict(stamp)}, indent=1)
    half = path.with_suffix(".half")
    with half.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
