"""Installations by the real uv, from an index on loopback with small wheels."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from package_index import PackageIndex, environ_for, serving, write_wheel

from installer.core import installation
from installer.core.accelerator import Accelerator, TorchBuild
from installer.core.errors import Cancelled, InstallError
from installer.core.installation import (
    Environment,
    Request,
    Root,
    install,
    refresh_command,
    roll_back,
    uninstall,
    why_stale,
)
from installer.core.runner import Progress

CPU = TorchBuild(Accelerator.CPU, "", "a test")
PROGRAM = "scalediff"


@dataclass
class Machine:
    """A machine on which the program ``scalediff`` is installed from a wheel ``tiny``."""

    index: PackageIndex
    folder: Path

    @property
    def root(self) -> Root:
        return Root(self.folder / "root")

    @property
    def environ(self) -> Mapping[str, str]:
        return environ_for(self.index, self.folder / "cache")

    def request(self, version: str, pin: str | None = None) -> Request:
        constraints = self.folder / "constraints.txt"
        constraints.write_text(pin or self.index.pin("tiny", version))
        return Request(
            source="a test",
            digest=version,
            arguments=("tiny",),
            torch=CPU,
            constraints=constraints,
            python=sys.executable,
        )

    def install(
        self,
        version: str,
        on_progress: Callable[[Progress], None] = lambda _: None,
        **changes: object,
    ) -> Environment:
        request = replace(self.request(version), **changes)  # type: ignore[arg-type]
        return install(self.root, request, self.environ, on_progress)

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


def write_program(
    folder: Path, version: str, *, size: int = 0, fails: bool = False, requires: str = ""
) -> None:
    module = f"def run():\n    print({version!r})\n    return {int(fails)}\n"
    entry = f"{PROGRAM} = tiny:run"
    write_wheel(
        folder, "tiny", version, size=size, module=module, requires=requires, programs=entry
    )


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Generator[PackageIndex]:
    folder = tmp_path_factory.mktemp("wheels")
    write_program(folder, "1.0", size=2_000_000)
    write_program(folder, "2.0")
    write_program(folder, "3.0", fails=True)
    write_program(folder, "4.0", requires="onnxruntime")
    write_program(folder, "5.0", requires="torch")
    for name in ("onnxruntime", "onnxruntime_gpu", "nvidia_cublas"):
        write_wheel(folder, name, "1.0")
    write_wheel(folder, "torch", "1.0", requires="nvidia-cublas")
    with serving(folder) as running:
        yield running


@pytest.fixture
def machine(index: PackageIndex, tmp_path: Path) -> Machine:
    index.cuts.clear()
    folder = tmp_path / "Zoë's disk"
    folder.mkdir()
    return Machine(index, folder)


def version_of(environment: Environment | None) -> str:
    assert environment is not None
    command = [environment.program(PROGRAM)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def test_an_installation_runs_and_is_fresh_afterwards(machine: Machine) -> None:
    assert why_stale(machine.root, machine.request("1.0")) == "it is not complete"

    environment = machine.install("1.0")

    assert version_of(environment) == "1.0"
    assert why_stale(machine.root, machine.request("1.0")) == ""
    before = len(machine.index.requests)
    assert machine.install("1.0") == environment
    assert len(machine.index.requests) == before


def test_an_update_leaves_the_files_of_the_old_environment_to_programs_that_run(
    machine: Machine,
) -> None:
    old = machine.install("1.0")
    new = machine.install("2.0")

    assert (version_of(old), version_of(new)) == ("1.0", "2.0")
    assert machine.root.current() == new
    assert machine.root.previous() == old


def test_a_bin_beside_the_environments_leads_to_the_current_one(machine: Machine) -> None:
    machine.install("1.0")
    machine.install("2.0")

    assert version_of(Environment(machine.root.folder)) == "2.0"


def test_rolling_back_switches_to_the_environment_before_the_update(machine: Machine) -> None:
    old = machine.install("1.0")
    new = machine.install("2.0")

    assert roll_back(machine.root) == old
    assert machine.root.current() == old
    assert machine.root.previous() == new


def test_a_program_that_does_not_start_is_not_switched_to(machine: Machine) -> None:
    old = machine.install("1.0")

    with pytest.raises(InstallError, match="starting the new program once"):
        machine.install("3.0")

    assert machine.root.current() == old
    assert [folder.name for folder in machine.root.environments.iterdir()] == [old.folder.name]


def test_a_version_that_the_index_lacks_is_a_sentence_and_changes_nothing(
    machine: Machine,
) -> None:
    old = machine.install("1.0")
    request = machine.request("9.9", "tiny==9.9")

    with pytest.raises(InstallError, match=r"has no tiny==9\.9 for this system"):
        install(machine.root, request, machine.environ, lambda _: None)

    assert machine.root.current() == old


def test_a_file_with_another_hash_is_refused(machine: Machine) -> None:
    request = machine.request("1.0", f"tiny==1.0 --hash=sha256:{'0' * 64}")

    with pytest.raises(InstallError, match="is not the one that was tested: its SHA-256 differs"):
        install(machine.root, request, machine.environ, lambda _: None)

    assert machine.root.current() is None


def test_a_cut_connection_is_a_sentence_and_the_next_try_finishes(machine: Machine) -> None:
    machine.index.cuts[:] = [100_000] * 9

    with pytest.raises(InstallError, match="A download broke off"):
        machine.install("1.0")

    assert machine.root.current() is None
    machine.index.cuts.clear()
    assert version_of(machine.install("1.0")) == "1.0"


@pytest.mark.nightly
def test_twenty_cuts_at_random_moments_never_leave_anything_half_made(machine: Machine) -> None:
    old = machine.install("2.0")
    chance = random.Random(26)  # noqa: S311
    for _ in range(20):
        shutil.rmtree(machine.folder / "cache")
        machine.index.cuts[:] = [chance.randrange(2_000_000) for _ in range(3)]
        with pytest.raises(InstallError):
            machine.install("1.0")
        assert machine.root.current() == old
        assert len(list(machine.root.environments.iterdir())) == 1

    machine.index.cuts.clear()
    assert version_of(machine.install("1.0")) == "1.0"


@pytest.mark.parametrize("step", ["making an empty environment", "starting the new program once"])
def test_a_cancelled_installation_leaves_nothing_half_made(machine: Machine, step: str) -> None:
    def cancel(progress: Progress) -> None:
        if progress.step == step:
            raise Cancelled

    old = machine.install("1.0")
    with pytest.raises(Cancelled):
        machine.install("2.0", cancel)

    assert machine.root.current() == old
    assert len(list(machine.root.environments.iterdir())) == 1


def test_an_environment_that_a_kill_left_is_removed_by_the_next_installation(
    machine: Machine,
) -> None:
    old = machine.install("1.0")
    half = machine.root.environments / "half"
    shutil.copytree(old.folder, half, symlinks=True)

    new = machine.install("2.0")

    assert not half.exists()
    assert {folder.name for folder in machine.root.environments.iterdir()} == {
        old.folder.name,
        new.folder.name,
    }


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "_free_bytes", lambda _: 1_000_000_000)
    before = len(machine.index.requests)

    with pytest.raises(InstallError, match=r"needs 3\.0 GB and the disk of .* has 1\.0 GB free"):
        machine.install("1.0")

    assert len(machine.index.requests) == before


def test_a_folder_with_something_else_is_left_alone(machine: Machine) -> None:
    machine.root.folder.mkdir()
    (machine.root.folder / "thesis.odt").write_text("years of work")

    with pytest.raises(InstallError, match="holds something that this program did not make"):
        machine.install("1.0")

    assert [path.name for path in machine.root.folder.iterdir()] == ["thesis.odt"]


def test_uninstalling_leaves_the_disk_as_it_was_before(machine: Machine) -> None:
    machine.request("1.0")
    before = machine.files()
    closed = Root(machine.root.folder, is_closed=True)
    environ = {name: value for name, value in machine.environ.items() if name != "UV_CACHE_DIR"}
    install(closed, machine.request("1.0"), environ, lambda _: None)
    assert closed.folder.is_dir()

    uninstall(closed)

    assert machine.files() == before


def test_uninstalling_never_removes_a_picture_or_a_model(machine: Machine) -> None:
    machine.install("1.0")
    (machine.root.folder / "photo_x4.png").write_bytes(b"mine")

    uninstall(machine.root)

    assert [path.name for path in machine.root.folder.iterdir()] == ["photo_x4.png"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda env: env.program(PROGRAM).unlink(), "its scalediff program is gone"),
        (lambda env: env.python.unlink(), "its Python is gone"),
        (
            lambda env: shutil.rmtree(next(env.folder.glob("lib/python*/site-packages/tiny"))),
            "files of tiny 1.0 are gone",
        ),
        (lambda env: env.stamp.unlink(), "it is not complete"),
        (lambda env: env.stamp.write_text("{"), "it is not complete"),
    ],
)
def test_a_damaged_environment_is_made_anew(
    machine: Machine, damage: Callable[[Environment], None], reason: str
) -> None:
    damage(machine.install("1.0"))

    assert why_stale(machine.root, machine.request("1.0")) == reason
    assert version_of(machine.install("1.0")) == "1.0"


def test_a_moved_installation_is_made_anew(machine: Machine) -> None:
    machine.install("1.0")
    machine.root.folder.rename(machine.folder / "moved")
    moved = Root(machine.folder / "moved")

    assert why_stale(moved, machine.request("1.0")).startswith("it was made in ")
    environment = install(moved, machine.request("1.0"), machine.environ, lambda _: None)
    assert version_of(environment) == "1.0"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"source": "a clone"}, "it served a test"),
        ({"digest": "other"}, "what it needs has changed"),
        ({"extras": ("ui",)}, "it lacks ui"),
        (
            {"torch": TorchBuild(Accelerator.CUDA, "auto", "")},
            "its PyTorch is for cpu and this machine has cuda",
        ),
    ],
)
def test_an_environment_for_something_else_is_stale(
    machine: Machine, changes: dict[str, object], reason: str
) -> None:
    machine.install("1.0")

    request = replace(machine.request("1.0"), **changes)  # type: ignore[arg-type]
    assert why_stale(machine.root, request) == reason


def test_a_build_for_an_accelerator_also_serves_a_machine_that_lost_its_card(
    machine: Machine,
) -> None:
    machine.install("1.0", torch=TorchBuild(Accelerator.ROCM, "", ""))

    assert why_stale(machine.root, machine.request("1.0")) == ""


@pytest.mark.parametrize(
    ("accelerator", "processor", "expected"),
    [
        (Accelerator.CPU, "x86_64", {"onnxruntime"}),
        (Accelerator.CUDA, "x86_64", {"onnxruntime_gpu"}),
        (Accelerator.CUDA, "AMD64", {"onnxruntime_gpu"}),
        (Accelerator.CUDA, "aarch64", {"onnxruntime"}),
        (Accelerator.ROCM, "x86_64", {"onnxruntime"}),
        (Accelerator.XPU, "x86_64", {"onnxruntime"}),
        (Accelerator.METAL, "arm64", {"onnxruntime"}),
    ],
)
def test_there_is_exactly_one_distribution_of_onnxruntime(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    accelerator: Accelerator,
    processor: str,
    expected: set[str],
) -> None:
    monkeypatch.setattr(installation.platform, "machine", lambda: processor)

    environment = machine.install("4.0", torch=TorchBuild(accelerator, "", ""))

    assert {name for name in packages_of(environment) if name.startswith("onnx")} == expected


def packages_of(environment: Environment) -> dict[str, str]:
    records = environment.folder.glob("lib/python*/site-packages/*.dist-info")
    return dict(record.name.removesuffix(".dist-info").split("-", 1) for record in records)


@pytest.fixture
def cut_off(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    """A machine that reaches its package index and not the one of PyTorch."""
    torch = tmp_path / "torch.txt"
    torch.write_text(machine.index.pin("torch", "1.0"))
    monkeypatch.setattr(installation, "TORCH_CONSTRAINTS", torch)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    return machine


@dataclass
class Answers:
    """Answers the question before a large download."""

    answer: bool
    questions: list[str]

    def __call__(self, question: str) -> bool:
        self.questions.append(question)
        return self.answer


def install_torch(
    machine: Machine, build: TorchBuild, answers: Answers, find_links: str = ""
) -> Environment:
    pins = machine.index.pin("tiny", "5.0") + "\ntorch==1.0\n"
    request = replace(machine.request("5.0", pins), torch=build)
    environ = {**machine.environ, "HTTPS_PROXY": "http://127.0.0.1:9"}
    if find_links:
        environ["PIP_FIND_LINKS"] = find_links
    return install(machine.root, request, environ, lambda _: None, confirm=answers)


ON_CPU = TorchBuild(Accelerator.CPU, "cpu", "a test")


def test_the_ordinary_build_is_not_downloaded_without_asking(cut_off: Machine) -> None:
    answers = Answers(False, [])

    with pytest.raises(InstallError, match=r"about 8 GB\. Nothing was installed"):
        install_torch(cut_off, ON_CPU, answers)

    assert len(answers.questions) == 1
    assert cut_off.root.current() is None
    assert "Installed" not in cut_off.root.log.read_text()


def test_the_ordinary_build_is_installed_with_its_hashes_if_that_is_wanted(
    cut_off: Machine,
) -> None:
    environment = install_torch(cut_off, ON_CPU, Answers(True, []))
    assert packages_of(environment)["torch"] == "1.0"

    installation.TORCH_CONSTRAINTS.write_text(f"torch==1.0 --hash=sha256:{'0' * 64}")
    uninstall(cut_off.root)
    with pytest.raises(InstallError, match="its SHA-256 differs"):
        install_torch(cut_off, ON_CPU, Answers(True, []))


def test_a_folder_with_the_build_serves_without_a_question(
    cut_off: Machine, tmp_path: Path
) -> None:
    wheels = tmp_path / "cpu wheels"
    wheels.mkdir()
    write_wheel(wheels, "torch", "1.0+cpu")
    answers = Answers(False, [])

    environment = install_torch(cut_off, ON_CPU, answers, find_links=wheels.as_uri())

    assert packages_of(environment)["torch"] == "1.0+cpu"
    assert answers.questions == []


@pytest.mark.skipif(sys.platform == "win32", reason="the ordinary build of Linux has CUDA")
def test_cuda_takes_the_ordinary_build_without_a_question(cut_off: Machine) -> None:
    answers = Answers(False, [])

    install_torch(cut_off, TorchBuild(Accelerator.CUDA, "auto", "a test"), answers)

    assert answers.questions == []


@pytest.mark.parametrize("accelerator", [Accelerator.ROCM, Accelerator.XPU])
def test_who_has_another_card_is_told_that_the_ordinary_build_does_not_use_it(
    cut_off: Machine, accelerator: Accelerator
) -> None:
    answers = Answers(True, [])
    backend = {Accelerator.ROCM: "rocm6.4", Accelerator.XPU: "xpu"}[accelerator]

    install_torch(cut_off, TorchBuild(accelerator, backend, "a test"), answers)

    assert "and computes on the processor" in answers.questions[0]


def test_editors_start_the_new_engine_after_an_update(machine: Machine) -> None:
    file = machine.folder / "engine-command.json"
    old = machine.install("1.0")
    file.write_text(json.dumps([str(old.python), "-P", "-m", "scalediff_engine"]))
    new = machine.install("2.0")

    refresh_command(file, machine.root, new)

    assert json.loads(file.read_text()) == [str(new.python), "-P", "-m", "scalediff_engine"]
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ['["/usr/bin/scalediff"]', "[]", "{", '"word"'])
def test_a_command_of_another_installation_is_left_alone(machine: Machine, content: str) -> None:
    file = machine.folder / "engine-command.json"
    file.write_text(content)

    refresh_command(file, machine.root, machine.install("1.0"))

    assert file.read_text() == content
