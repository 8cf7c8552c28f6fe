"""What the tests of the folder dialog share."""

from __future__ import annotations

import pytest
from fake_batches import FakeBatches


@pytest.fixture
def batches() -> FakeBatches:
    return FakeBatches()
