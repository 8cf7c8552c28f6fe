"""The engine as a plug-in installs it: from the wheel that the plug-in carries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from .accelerator import TorchBuild
from .installation import (
    CONSTRAINTS,
    TORCH_CONSTRAINTS,
    Confirm,
    Environment,
    Request,
    Root,
    digest_of,
    install,
)
from .runner import OnProgress


def engine_root(home: Path) -> Root:
    """Return the folder of the program in the engine's home; jobs and models are beside it."""
    return Root(home / "program", is_closed=True)


def engine_wheel(plugin: Path) -> Path | None:
    """Return the wheel that a plug-in's folder carries; none if it came without."""
    return next(iter(sorted((plugin / "engine").glob("scalediff-*.whl"))), None)


def engine_request(wheel: Path, torch: TorchBuild) -> Request:
    """Return what a plug-in asks for: the engine with its dialogs."""
    pins = [file.read_text("utf-8") for file in (CONSTRAINTS, TORCH_CONSTRAINTS)]
    return Request(
        source="a plug-in",
        digest=digest_of(hashlib.sha256(wheel.read_bytes()).hexdigest(), *pins),
        extras=("ui",),
        arguments=(f"scalediff[ui] @ {wheel.as_uri()}",),
        torch=torch,
    )


def install_engine(
    home: Path,
    request: Request,
    environ: Mapping[str, str],
    on_progress: OnProgress,
    confirm: Confirm | None = None,
) -> list[str]:
    """Install the engine below its home, and return the command that starts it.

    Raises:
        InstallError: it cannot be installed; what was there before still works.
        Cancelled: the callback asked to stop.
    """
    environment = install(engine_root(home), request, environ, on_progress, confirm=confirm)
    return command_of(environment)


def command_of(environment: Environment) -> list[str]:
    """Return the command ``scalediff`` of an environment."""
    return [str(environment.python), "-P", "-m", "scalediff_engine"]
