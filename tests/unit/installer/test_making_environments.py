"""Real starts of a small clone, with the real uv and an index on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from package_index import PackageIndex, serving, write_wheel

from installer.core import lock
from installer.core.installation import Environment, Root

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills and signals are POSIX's")

CLONE = Path(__file__).resolve().parents[3]
PATIENCE_S = 120
PYPROJECT = """
[project]
name = "scalediff"
dynamic = ["version"]
requires-python = ">=3.11"
dependencies = ["tiny>=1"]
[project.optional-dependencies]
dev = ["tinydev>=1"]
ui = []
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
    index: PackageIndex

    @property
    def root(self) -> Root:
        return Root(Path(os.path.realpath(self.folder / ".venv")))

    @property
    def environment(self) -> Environment:
        current = self.root.current()
        assert current is not None
        return current

    def begin(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "UV_", "SCALEDIFF_"))
        }
        environ |= {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": self.index.url,
            "UV_CACHE_DIR": str(self.folder.parent / "cache"),
            "SCALEDIFF_HOME": str(self.folder.parent / "home"),
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
        pins = [self.index.pin("tinydev", "1.0")]
        pins.append("tiny==9.9" if version == "9.9" else self.index.pin("tiny", version))
        file = self.folder / "installer" / "core" / "constraints.txt"
        file.write_text("\n".join(pins) + "\n")


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


def is_installing(clone: Clone) -> bool:
    """Say whether an environment is half made."""
    folders = clone.root.environments
    return folders.is_dir() and any(
        (folder / "pyvenv.cfg").exists() and not (folder / "stamp.json").exists()
        for folder in folders.iterdir()
    )


@pytest.fixture(scope="module")
def new_clone(tmp_path_factory: pytest.TempPathFactory) -> Generator[Clone]:
    folder = tmp_path_factory.mktemp("clones") / "Zoë's clone"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CLONE / "installer", folder / "installer", ignore=ignored)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    engine = folder / "scalediff_engine"
    shutil.copytree(CLONE / "scalediff_engine" / "client", engine / "client", ignore=ignored)
    (engine / "cli").mkdir()
    (engine / "__init__.py").write_text('__version__ = "0.1.0"\n')
    (engine / "cli" / "main.py").write_text(PROGRAM)
    wheels = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "1.1", "1.2"):
        write_wheel(wheels, "tiny", version, size=1_000_000)
    write_wheel(wheels, "tinydev", "1.0")
    with serving(wheels) as index:
        clone = Clone(folder, index)
        clone.pin("1.0")
        yield clone


@pytest.fixture(scope="module")
def killed_and_healed(new_clone: Clone) -> tuple[Clone, Done]:
    """A clone whose first start was killed, and what the second one said."""
    new_clone.index.gate.clear()
    first = new_clone.begin("upscale", "photo.jpg")
    kill_when(first, lambda: is_installing(new_clone))
    kill_its_steps_too(first)
    new_clone.index.gate.set()
    assert new_clone.root.current() is None
    return new_clone, new_clone.start("upscale", "my photo.jpg", "--scale", "4")


@pytest.fixture
def clone(killed_and_healed: tuple[Clone, Done]) -> Clone:
    return killed_and_healed[0]


def stamped(clone: Clone) -> dict[str, object]:
    content: dict[str, object] = json.loads(clone.environment.stamp.read_text())
    return content


def test_a_start_that_was_killed_halfway_is_healed_by_the_next(
    killed_and_healed: tuple[Clone, Done],
) -> None:
    _, healing = killed_and_healed

    assert healing.exit_code == 0, healing.err
    assert json.loads(healing.out) == [["upscale", "my photo.jpg", "--scale", "4"], "1.0"]
    assert "ready after" in healing.err
    assert len(list(killed_and_healed[0].root.environments.iterdir())) == 1


def test_the_second_start_says_nothing_and_installs_nothing(clone: Clone) -> None:
    log_before = clone.root.log.read_bytes()

    second = clone.start("exit", "6")

    assert (second.exit_code, second.err) == (6, "")
    assert clone.root.log.read_bytes() == log_before


def test_the_program_in_the_environment_finds_the_clone_by_itself(clone: Clone) -> None:
    done = subprocess.run(
        [clone.environment.program("scalediff"), "upscale"],
        capture_output=True,
        text=True,
        check=True,
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
    log_before = clone.root.log.read_bytes()

    assert clone.start("upscale").err == ""
    assert clone.root.log.read_bytes() == log_before


def test_of_two_starts_at_once_one_installs_and_the_other_waits(clone: Clone) -> None:
    clone.pin("1.1")
    installed = clone.root.log.read_text().count("/uv pip install ")
    both = [finish(process) for process in [clone.begin("upscale"), clone.begin("upscale")]]

    assert [done.exit_code for done in both] == [0, 0], both
    assert [json.loads(done.out)[1] for done in both] == ["1.1", "1.1"]
    assert clone.root.log.read_text().count("/uv pip install ") == installed + 1


def test_a_start_says_that_it_waits_for_another(clone: Clone) -> None:
    clone.environment.stamp.unlink()
    with lock.held(clone.root.lock, lambda: None):
        process = clone.begin("upscale")
        assert process.stderr is not None
        line = ""
        while "another start is working on the environment; waiting for it" not in line:
            line = process.stderr.readline()
            assert line, "it did not wait"

    assert finish(process).exit_code == 0


def test_extras_accumulate(clone: Clone) -> None:
    with_dev = clone.start("test")
    plain = clone.start("upscale")

    assert "it lacks dev, ui" in with_dev.err
    assert "No module named pytest" in with_dev.err
    assert (plain.exit_code, plain.err) == (0, "")
    assert stamped(clone)["extras"] == ["dev", "ui"]
    installed = stamped(clone)["installed"]
    assert isinstance(installed, dict)
    assert installed["tinydev-1.0.dist-info"] == ["tinydev", "tinydev-1.0.dist-info"]


def test_an_update_that_fails_leaves_the_old_environment_as_it_was(clone: Clone) -> None:
    before = stamped(clone)
    clone.pin("9.9")
    failed = clone.start("upscale")
    clone.pin("1.1")
    after = clone.start("upscale")

    assert failed.exit_code == 1
    assert "The package index has no tiny==9.9 for this system" in failed.err
    assert str(clone.root.log) in failed.err
    assert "Traceback" not in failed.err
    assert (after.exit_code, after.err) == (0, "")
    assert stamped(clone)["installed"] == before["installed"]


def test_a_package_that_somebody_removed_comes_back(clone: Clone) -> None:
    site_packages = next(clone.environment.folder.glob("lib/python*/site-packages"))
    shutil.rmtree(site_packages / "tinydev")
    shutil.rmtree(site_packages / "tinydev-1.0.dist-info")
    done = clone.start("upscale")

    assert "anew: files of tinydev 1.0 are gone" in done.err
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
    assert done.err.splitlines()[-1].startswith("scalediff: The environment ")
    assert "Traceback" not in done.err


def test_ctrl_c_during_an_installation_ends_without_a_traceback(clone: Clone) -> None:
    shutil.rmtree(clone.folder.parent / "cache")
    clone.environment.stamp.unlink()
    clone.index.gate.clear()
    process = clone.begin("upscale")
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    done = finish(process)
    clone.index.gate.set()

    assert done.exit_code == 130
    assert "Traceback" not in done.err
    assert clone.start("upscale").exit_code == 0


def test_a_python_without_its_modules_for_environments_serves(clone: Clone, tmp_path: Path) -> None:
    for name in ("venv", "ensurepip", "pip"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not installed')\n")
    clone.environment.stamp.unlink()
    done = clone.start("upscale", PYTHONPATH=str(tmp_path))

    assert done.exit_code == 0, done.err
    assert "ready after" in done.err


@pytest.mark.slow
def test_kills_at_random_moments_never_leave_a_half_made_environment_in_use(clone: Clone) -> None:
    _kill_at_random_moments(clone, 4)


@pytest.mark.nightly
def test_twenty_kills_at_random_moments(clone: Clone) -> None:
    _kill_at_random_moments(clone, 20)


def _kill_at_random_moments(clone: Clone, count: int) -> None:
    """Kill an update to the other version; what the next start runs is whole."""
    clone.start("upscale")
    chance = random.Random(26)  # noqa: S311
    for number in range(count):
        version = ("1.1", "1.2")[number % 2]
        clone.pin(version)
        process = clone.begin("upscale")
        moment_s = chance.uniform(0.02, 0.6)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=moment_s)
        kill_its_steps_too(process)
        with process:
            pass
        assert clone.root.current() is not None
        healed = clone.start("upscale")
        assert healed.exit_code == 0, healed.err
        assert json.loads(healed.out)[1] == version
        assert len(list(clone.root.environments.iterdir())) <= 2
