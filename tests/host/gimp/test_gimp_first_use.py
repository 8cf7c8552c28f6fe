"""The first use in a real GIMP: no engine, a wrong one, one that the plug-in starts; see inside."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from gimp_host import INSIDE, ROOT, Gimp, outcomes, scenarios

SCRIPT = INSIDE / "troubles.py"
NEEDS_PYTHON = (
    "the_plugin_starts_the_engine_by_itself",
    "an_engine_that_is_killed_in_the_midst_of_a_job_is_started_again",
)


@pytest.fixture(scope="module")
def played(folder: Path) -> Path:
    stage = folder / "alone" / "stage"
    stage.mkdir(parents=True)
    command = [sys.executable, "-P", "-c"]
    command += [f"import sys; sys.path.append({str(ROOT)!r}); " + _RUN]
    # the Python of the tests is shown to GIMP too, or the engine could not run there
    environ = {
        "HOST_LOCALE": "de_DE.UTF-8",
        "LANGUAGE": "de",
        "TEST_ENGINE_COMMAND": json.dumps(command),
        "HOST_BINDS": f"{sys.prefix} {sys.base_prefix}",
    }
    gimp = Gimp(folder / "german", folder / "alone" / "home", environ)
    gimp.engine_home.mkdir(mode=0o700)
    gimp.settle()
    gimp.run(SCRIPT, str(stage))
    return stage


_RUN = "from scalediff_engine.cli.main import run; run()"


@pytest.mark.parametrize("name", scenarios(SCRIPT))
def test_in_gimp(name: str, played: Path) -> None:
    outcome: dict[str, Any] = outcomes(played)[name]
    if name in NEEDS_PYTHON and sys.base_prefix == "/usr":
        pytest.skip("the Python of the tests is the system's, which GIMP's chroot lacks")
    assert not outcome["error"], outcome["error"]
