"""What ``scalediff plugins install`` puts there is loaded by a real Krita and a real GIMP."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scalediff_engine.base.editors import Computer, Editor, find_hosts
from scalediff_engine.base.plugins import State, install, status

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
IN_KRITA = """
from krita import Krita
found = [extension.__class__.__name__ for extension in Krita.instance().extensions()]
assert "ScaleDiffExtension" in found, found
"""
IN_GIMP = """
found = Gimp.get_pdb().lookup_procedure("scalediff-upscale")
assert found is not None
assert found.get_menu_paths() == ["<Image>/Filters/ScaleDiff"], found.get_menu_paths()
"""


def chroot() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hosts = Path(os.environ.get("HOSTS_DIR") or cache / "scalediff-hosts")
    return Path(os.environ.get("HOSTS_ROOT") or hosts / os.environ.get("HOSTS_SUITE", "trixie"))


@pytest.fixture(params=[Editor.KRITA, Editor.GIMP])
def editor(request: pytest.FixtureRequest) -> Editor:
    """An editor that is installed in the chroot."""
    found: Editor = request.param
    pattern = "kritarunner" if found is Editor.KRITA else "gimp-console-3*"
    if not list((chroot() / "usr/bin").glob(pattern)):
        pytest.skip(f"{found.label} is not installed (tests/host/install.sh {found})")
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("Xvfb") is None:
        pytest.skip("it runs in a chroot, which needs Linux, root and Xvfb")
    return found


def test_what_is_installed_is_loaded(editor: Editor, tmp_path: Path) -> None:
    programs = {program.name for program in (chroot() / "usr/bin").iterdir()}
    home = tmp_path / "Zoë"
    computer = Computer(home, "linux", {}, tmp_path, programs.__contains__)
    [host] = find_hosts(computer, (editor,))
    install(host)
    script = tmp_path / "script.py"
    script.write_text(IN_KRITA if editor is Editor.KRITA else IN_GIMP)

    windows = ["-g", "-k"] if editor is Editor.KRITA else []
    run = [str(HERE / f"run-{editor}.sh"), *windows, "-H", str(home), "-t", "240", str(script)]
    done = subprocess.run(run, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    found = status(host)
    assert (found.state, found.problems) == (State.INSTALLED, ())
    assert found.is_loaded is (True if editor is Editor.GIMP else None)
