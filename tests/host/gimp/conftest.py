"""One GIMP home and one engine for all tests in a real GIMP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from driven import Driven, driven
from gimp_cases import CASES
from gimp_host import INSIDE, Engine, Gimp, engine, missing
from x11 import Screen, screen


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = missing()
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.slow)
        item.add_marker(pytest.mark.timeout(540))
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gimp")


@pytest.fixture(scope="session")
def running(folder: Path) -> Iterator[Engine]:
    with engine(folder / "engine" / "home") as made:
        yield made


@pytest.fixture(scope="session")
def gimp(folder: Path) -> Gimp:
    return Gimp(folder / "utilisé-Дом-用户", folder / "engine" / "home")


@pytest.fixture(scope="session")
def headless(folder: Path, gimp: Gimp, running: Engine) -> Path:
    """What all precisions and all scenarios left behind, which one GIMP without windows plays."""
    stage = folder / "engine" / "scène 场景"
    stage.mkdir()
    cases = [asdict(case) | {"name": case.name, "precision": case.precision} for case in CASES]
    (stage / "cases.json").write_text(json.dumps(cases))
    gimp.run(INSIDE / "headless.py", str(stage), seconds=500)
    return stage


@pytest.fixture(scope="session")
def display() -> Iterator[Screen]:
    with screen() as made:
        yield made


@pytest.fixture(scope="session")
def windows(gimp: Gimp, folder: Path, running: Engine, display: Screen) -> Iterator[Driven]:
    """One GIMP with windows for all that needs some."""
    with driven(gimp, folder / "engine" / "windows", display) as made:
        yield made


@pytest.fixture
def image(windows: Driven) -> Iterator[Driven]:
    """GIMP with an image in a window."""
    windows.ask(
        "image = new_image(128, 96)\nlayer = new_layer(image, 'photo', 128, 96)\n"
        "image.clean_all()\ndisplay = Gimp.Display.new(image)\nGimp.displays_flush()"
    )
    yield windows
    windows.lives()
    windows.ask("display.delete() if display.is_valid() else None")
