"""What a plug-in installs, from a small wheel in the place of the engine's."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
from package_index import PackageIndex, environ_for, serving, write_wheel

from installer.core.accelerator import Accelerator, TorchBuild
from installer.core.engine import engine_request, engine_root, engine_wheel, install_engine
from installer.core.installation import Request, uninstall, why_stale

CPU = TorchBuild(Accelerator.CPU, "", "a test")


@pytest.fixture
def index(tmp_path: Path) -> Generator[PackageIndex]:
    folder = tmp_path / "wheels"
    folder.mkdir()
    with serving(folder) as running:
        yield running


def write_engine(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    module = f"def run():\n    print('scalediff {version}')\n"
    entry = "scalediff = scalediff_engine:run"
    made = write_wheel(folder, "scalediff_engine", version, module=module, programs=entry)
    return made.rename(folder / f"scalediff-{version}-py3-none-any.whl")


def request_of(wheel: Path, pins: Path) -> Request:
    """The plug-in's request, of a wheel whose name inside is that of its only package."""
    pins.write_text("")
    request = engine_request(wheel, CPU)
    plain = wheel.with_name(wheel.name.replace("scalediff-", "scalediff_engine-"))
    plain.write_bytes(wheel.read_bytes())
    return replace(request, arguments=(str(plain),), constraints=pins)


def test_the_wheel_beside_a_plugin_is_found(tmp_path: Path) -> None:
    assert engine_wheel(tmp_path) is None
    wheel = write_engine(tmp_path / "engine", "1.0")

    assert engine_wheel(tmp_path) == wheel
    assert engine_request(wheel, CPU).arguments == (f"scalediff[ui] @ {wheel.as_uri()}",)


def test_an_engine_is_installed_updated_and_removed_without_touching_jobs_and_models(
    index: PackageIndex, tmp_path: Path
) -> None:
    home, pins = tmp_path / "home", tmp_path / "pins.txt"
    (home / "data").mkdir(parents=True)
    (home / "data" / "jobs.sqlite").write_bytes(b"jobs")
    before = sorted(home.rglob("*"))
    environ = environ_for(index, tmp_path / "cache")
    del environ["UV_CACHE_DIR"]
    old = request_of(write_engine(tmp_path / "plugin" / "engine", "1.0"), pins)
    new = request_of(write_engine(tmp_path / "newer" / "engine", "2.0"), pins)

    first = install_engine(home, old, environ, lambda _: None)
    assert why_stale(engine_root(home), new) == "what it needs has changed"
    second = install_engine(home, new, environ, lambda _: None)

    for command, version in ((first, "1.0"), (second, "2.0")):
        code = "import scalediff_engine; scalediff_engine.run()"
        said = subprocess.run(
            [*command[:2], "-c", code],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (said.stdout, said.stderr) == (f"scalediff {version}\n", "")
    uninstall(engine_root(home))
    assert sorted(home.rglob("*")) == before
