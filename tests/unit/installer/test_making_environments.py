"""Real starts of a small clone, with real environments and a pip that has wheels but no index."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from installer.layout import Layout

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills and signals are POSIX's")

INSTALLER = Path(__file__).resolve().parents[3] / "installer"
PATIENCE_S = 120
PYPROJECT = """
[project]
name = "scalediff"
requires-python = ">=3.11"
dependencies = ["tiny>=1"]
[project.optional-dependencies]
dev = ["tinydev>=1"]
[project.scripts]
scalediff = "scalediff_engine.cli.main:run"
"""
PROGRAM = """
import importlib.metadata, json, sys, time
def run():
    try:
        print(json.dumps([sys.argv[1:], importlib.metadata.version("tiny")]), flush=True)
        time.sleep(60 if sys.argv[1] == "sleep" else 0)
    except KeyboardInterrupt:
        return 130
    return int(sys.argv[2]) if sys.argv[1] == "exit" else 0
"""


@dataclass(frozen=True)
class Done:
    exit_code: int
    out: str
    err: str


@dataclass(frozen=True)
class Clone:
    folder: Path
    wheels: Path

    @property
    def layout(self) -> Layout:
        return Layout(clone=self.folder, env=self.folder / ".venv")

    def begin(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "SCALEDIFF_"))
        }
        environ |= {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "SCALEDIFF_TORCH": "cpu",
        }
        return subprocess.Popen(
            [sys.executable, str(self.folder / "installer" / "run.py"), *arguments],
            env=environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def start(self, *arguments: str, **variables: str) -> Done:
        return finish(self.begin(*arguments, **variables))

    def pin(self, version: str) -> None:
        (self.folder / "installer" / "constraints.txt").write_text(f"tiny=={version}\n")


def finish(process: subprocess.Popen[str]) -> Done:
    with process:
        out, err = process.communicate(timeout=PATIENCE_S)
        return Done(process.returncode, out, err)


def kill_when(process: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not ready():
        assert process.poll() is None, "the start ended before it could be killed"
        assert time.monotonic() < give_up_s
        time.sleep(0.005)
    process.kill()
    with process:
        pass


def kill_its_steps_too(process: subprocess.Popen[str]) -> None:
    """As a power cut does; without this a step outlives its start until it has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def write_wheel(folder: Path, name: str, version: str, files: int = 1) -> None:
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for number in range(files):
            wheel.writestr(f"{name}/{'__init__' if number == 0 else f'm{number}'}.py", "")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def new_clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    folder = tmp_path_factory.mktemp("clones") / "Zoë's clone"
    shutil.copytree(INSTALLER, folder / "installer", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "scalediff_engine" / "cli").mkdir(parents=True)
    (folder / "scalediff_engine" / "__init__.py").write_text('__version__ = "0.1.0"\n')
    (folder / "scalediff_engine" / "cli" / "main.py").write_text(PROGRAM)
    wheels = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "1.1", "1.2"):
        write_wheel(wheels, "tiny", version, files=1500 if version == "1.2" else 1)
    write_wheel(wheels, "tinydev", "1.0")
    clone = Clone(folder, wheels)
    clone.pin("1.0")
    return clone


@pytest.fixture(scope="module")
def killed_and_healed(new_clone: Clone) -> tuple[Clone, Done]:
    """A clone whose first start was killed, and what the second one said."""
    first = new_clone.begin("upscale", "photo.jpg")
    kill_when(first, (new_clone.layout.env / "pyvenv.cfg").exists)
    kill_its_steps_too(first)
    assert not new_clone.layout.stamp.exists()
    return new_clone, new_clone.start("upscale", "my photo.jpg", "--scale", "4")


@pytest.fixture
def clone(killed_and_healed: tuple[Clone, Done]) -> Clone:
    return killed_and_healed[0]


def stamped(clone: Clone) -> dict[str, object]:
    content: dict[str, object] = json.loads(clone.layout.stamp.read_text())
    return content


def test_a_start_that_was_killed_halfway_is_healed_by_the_next(
    killed_and_healed: tuple[Clone, Done],
) -> None:
    _, healing = killed_and_healed

    assert healing.exit_code == 0, healing.err
    assert json.loads(healing.out) == [["upscale", "my photo.jpg", "--scale", "4"], "1.0"]
    assert "anew: it is not complete" in healing.err
    assert "ready after" in healing.err


def test_the_second_start_says_nothing_and_installs_nothing(clone: Clone) -> None:
    log_before = clone.layout.log.read_bytes()

    second = clone.start("exit", "6")

    assert (second.exit_code, second.err) == (6, "")
    assert clone.layout.log.read_bytes() == log_before


def test_the_program_in_the_environment_finds_the_clone_by_itself(clone: Clone) -> None:
    done = subprocess.run(
        [clone.layout.program("scalediff"), "upscale"], capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == [["upscale"], "1.0"]


def test_ctrl_c_is_the_programs_own_business(clone: Clone) -> None:
    process = clone.begin("sleep")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    done = finish(process)

    assert (done.exit_code, done.err) == (130, "")


def test_an_edit_that_changes_no_dependency_installs_nothing(clone: Clone) -> None:
    (clone.folder / "pyproject.toml").write_text(PYPROJECT + "[tool.ruff]\nline-length = 100\n")
    log_before = clone.layout.log.read_bytes()

    assert clone.start("upscale").err == ""
    assert clone.layout.log.read_bytes() == log_before


def test_of_two_starts_at_once_one_installs_and_the_other_waits(clone: Clone) -> None:
    clone.pin("1.1")
    both = [finish(process) for process in [clone.begin("upscale"), clone.begin("upscale")]]
    said = "".join(done.err for done in both)

    assert [done.exit_code for done in both] == [0, 0], said
    assert [json.loads(done.out)[1] for done in both] == ["1.1", "1.1"]
    assert said.count("updating the environment") == 1
    assert said.count("ready after") == 1
    assert said.count("waiting for it") == 1


def test_extras_accumulate(clone: Clone) -> None:
    with_dev = clone.start("test")
    plain = clone.start("upscale")

    assert "it lacks dev" in with_dev.err
    assert "No module named pytest" in with_dev.err
    assert (plain.exit_code, plain.err) == (0, "")
    assert stamped(clone)["extras"] == ["dev"]
    installed = stamped(clone)["installed"]
    assert isinstance(installed, dict)
    assert installed["tinydev==1.0"] == ["tinydev"]


def test_an_update_that_fails_leaves_the_old_environment_as_it_was(clone: Clone) -> None:
    before = stamped(clone)
    clone.pin("9.9")
    failed = clone.start("upscale")
    clone.pin("1.1")
    after = clone.start("upscale")

    assert failed.exit_code == 1
    assert "conflicting dependencies" in failed.err
    assert str(clone.layout.log) in failed.err
    assert "Traceback" not in failed.err
    assert (after.exit_code, after.err) == (0, "")
    assert stamped(clone)["installed"] == before["installed"]


def test_a_package_that_somebody_removed_comes_back(clone: Clone) -> None:
    site_packages = next(clone.layout.env.glob("lib/python*/site-packages"))
    shutil.rmtree(site_packages / "tinydev")
    shutil.rmtree(site_packages / "tinydev-1.0.dist-info")
    done = clone.start("upscale")

    assert "updating" in done.err
    assert "tinydev==1.0 is gone" in done.err
    assert clone.start("upscale").err == ""


def test_a_folder_that_holds_something_else_is_left_alone(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").write_text("years of work")
    done = clone.start("upscale", SCALEDIFF_ENV=str(tmp_path))

    assert done.exit_code == 1
    assert "holds something that this program did not make" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_a_place_that_cannot_hold_a_folder_is_a_sentence(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = clone.start("upscale", SCALEDIFF_ENV=str(tmp_path / "file" / "env"))

    assert done.exit_code == 1
    assert done.err.startswith("scalediff: The environment ")
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_a_pip_that_was_orphaned_keeps_the_next_start_out_until_it_ends(clone: Clone) -> None:
    clone.pin("1.2")
    site_packages = next(clone.layout.env.glob("lib/python*/site-packages"))
    first = clone.begin("upscale")
    kill_when(first, lambda: (site_packages / "tiny" / "m700.py").exists())
    healing = clone.start("upscale")

    assert "another start is working on the environment" in healing.err
    assert "anew: it is not complete" in healing.err
    assert json.loads(healing.out) == [["upscale"], "1.2"]


@pytest.mark.slow
def test_a_package_folder_that_was_deleted_has_the_environment_made_anew(clone: Clone) -> None:
    shutil.rmtree(next(clone.layout.env.glob("lib/python*/site-packages/tiny")))
    healing = clone.start("upscale")

    assert "are gone" in healing.err
    assert "anew" in healing.err
    assert healing.exit_code == 0


@pytest.mark.slow
def test_ctrl_c_during_an_installation_ends_without_a_traceback(clone: Clone) -> None:
    clone.layout.stamp.unlink()  # whatever ran before, there is an installation now
    process = clone.begin("upscale")
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    done = finish(process)

    assert done.exit_code == 130
    assert "Traceback" not in done.err
    assert clone.start("upscale").exit_code == 0
