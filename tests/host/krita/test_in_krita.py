"""The plug-in in real Kritas, with the real engine and the model that comes with it.

Both versions run all scenarios at the same time, each in one Krita that is started once.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from outside import DRIVER, ROOT, Beside, missing, results_in, run_krita

from installer.krita_zip import write_zip

VERSIONS = ("native", "chroot")


class Runs:
    """What became of the scenarios, for each version; they are run when somebody asks first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads: dict[str, threading.Thread] = {}
        self._ended: dict[str, tuple[int, str]] = {}

    def ended(self, version: str) -> tuple[Path, int, str]:
        """Give the folder, the exit status and what Krita wrote."""
        if not self._threads:
            for one in VERSIONS:
                if not missing(one):
                    self._threads[one] = threading.Thread(target=self._run, args=(one,))
                    self._threads[one].start()
        self._threads[version].join()
        return self._folder / version, *self._ended[version]

    def _run(self, version: str) -> None:
        folder = self._folder / version
        folder.mkdir()
        write_zip(folder / "scalediff-krita.zip")
        beside = Beside(folder)
        beside.start()
        try:
            self._ended[version] = run_krita(version, beside, DRIVER, str(folder), "scenes")
        finally:
            beside.end()


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("krita"))


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    reason = missing(request.param)
    if reason:
        pytest.skip(reason)
    return request.param


def test_all_scenarios(version: str, runs: Runs) -> None:
    folder, status, log = runs.ended(version)
    results = results_in(folder)
    wrong = [f"{name}: {told['error']}" for name, told in results.items() if told["error"]]
    wanted = json.loads((folder / "wanted.json").read_text())
    missed = [name for name in wanted if name not in results]
    assert not wrong, "\n\n".join(wrong)
    assert not missed, f"Krita ended with {status} before {missed}:\n{log[-3000:]}"
    assert status == 0, log[-3000:]
    assert len(results) > 60


@pytest.fixture
def whole(version: str, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs some scenarios with the real dialog, or with a user without a screen."""

    def run(*names: str, user: str = "person:") -> tuple[int, str]:
        beside = Beside(tmp_path, user + str(tmp_path / "user.json"))
        (tmp_path / "user.json").write_text('{"does": "wait"}')
        beside.start()
        try:
            return run_krita(version, beside, DRIVER, str(tmp_path), "scenes.whole", *names)
        finally:
            beside.end()

    return run


def test_the_real_dialog_is_accepted(whole: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    status, log = whole("the_real_dialog_is_accepted")
    results = results_in(tmp_path)
    assert results, log
    assert not results["the_real_dialog_is_accepted"]["error"], results
    assert status == 0, log


def test_krita_is_left_in_the_middle(whole: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    status, log = whole("krita_is_left_in_the_middle", user="")
    assert (tmp_path / "leaving").exists(), log
    assert not results_in(tmp_path), results_in(tmp_path)
    assert status == 0, log


def test_the_engine_is_started_when_it_is_needed(tmp_path: Path) -> None:
    """In the Krita of this machine alone: the chroot has no Python that could be an engine."""
    if missing("native"):
        pytest.skip(missing("native"))
    code = f"import sys; sys.path.append({str(ROOT)!r}); "
    code += "from scalediff_engine.cli.main import run; run()"
    name, command = "the_engine_is_started_when_it_is_needed", [sys.executable, "-P", "-c", code]
    status, log = run_krita(
        "native",
        Beside(tmp_path),
        DRIVER,
        str(tmp_path),
        "scenes.whole",
        name,
        SCALEDIFF_COMMAND=json.dumps(command),
    )
    results = results_in(tmp_path)
    assert results, log
    assert not results[name]["error"], results
    assert status == 0, log
