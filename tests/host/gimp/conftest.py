"""One GIMP home and one engine for all tests in a real GIMP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gimp_host import Engine, Gimp, engine, missing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = missing()
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.slow)
        item.add_marker(pytest.mark.timeout(240))
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
    return Gimp(folder / "user", folder / "engine" / "home")
