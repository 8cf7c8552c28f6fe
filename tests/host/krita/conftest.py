"""Where there is no Krita, its tests are skipped and say why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            if item.get_closest_marker("nightly") is None:
                item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(1200))


sys.path.append(str(HERE))
