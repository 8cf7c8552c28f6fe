"""What runs took of a device's memory, beside what was predicted."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalediff_engine.memory.speed_record import NEWEST_WEIGHT, SpeedRecord
from scalediff_engine.spec.footprint import GIB, Cost

# 4 of 6 GiB grow with the picture
COST = Cost(peak_bytes=6 * GIB, gflop=1000.0, fixed_bytes=2 * GIB)


@pytest.fixture
def record(tmp_path: Path) -> SpeedRecord:
    return SpeedRecord(tmp_path / "cache" / "speed.json")


def took(ratio: float, cost: Cost = COST) -> int:
    """The peak of a run that took so much of what was predicted beside the weights."""
    return round(cost.fixed_bytes + ratio * (cost.peak_bytes - cost.fixed_bytes))


def test_an_unknown_machine_takes_what_was_predicted(record: SpeedRecord) -> None:
    assert record.memory_scale("cuda:0", "toy") == 1
    assert not record.file.exists()


def test_only_what_grows_with_the_picture_is_compared(record: SpeedRecord) -> None:
    record.add_memory({"cuda:0"}, "toy", COST, 7 * GIB)
    assert record.memory_scale("cuda:0", "toy") == pytest.approx(5 / 4)


def test_each_name_of_the_device_and_each_model_has_its_own(record: SpeedRecord) -> None:
    record.add_memory(iter(["cuda:0", "auto"]), "toy", COST, took(1.2))
    assert record.memory_scale("cuda:0", "toy") == pytest.approx(1.2)
    assert record.memory_scale("auto", "toy") == pytest.approx(1.2)
    assert record.memory_scale("cuda:1", "toy") == 1
    assert record.memory_scale("cuda:0", "other") == 1


def test_memory_and_speed_are_kept_apart(record: SpeedRecord) -> None:
    record.add_memory({"cuda"}, "toy", COST, took(1.2))
    assert record.measured("cuda", "toy") is None
    record.add({"cuda"}, "toy", gflop=5000, seconds=10)
    assert record.measured("cuda", "toy") == 500
    assert record.memory_scale("cuda", "toy") == pytest.approx(1.2)


def test_a_run_that_was_predicted_with_the_scale_moves_it_from_there(record: SpeedRecord) -> None:
    record.add_memory({"cuda"}, "toy", COST, took(1.2))
    record.add_memory({"cuda"}, "toy", COST, took(1.0))  # as predicted: nothing to learn
    assert record.memory_scale("cuda", "toy") == pytest.approx(1.2)
    record.add_memory({"cuda"}, "toy", COST, took(0.9))
    assert record.memory_scale("cuda", "toy") == pytest.approx(1.2 * (1 - 0.1 * NEWEST_WEIGHT))


def test_predictions_come_closer_to_what_this_machine_does(record: SpeedRecord) -> None:
    off: list[float] = []
    for _ in range(12):  # it takes 1.3 times what was measured elsewhere
        scale = record.memory_scale("cuda", "toy")
        predicted = Cost(took(scale), 1000.0, COST.fixed_bytes)
        record.add_memory({"cuda"}, "toy", predicted, took(1.3))
        off.append(abs(1.3 - scale))
    assert off == sorted(off, reverse=True)
    assert off[-1] < 0.01


@pytest.mark.parametrize("ratio", [0.5, 0.69, 1.44, 3.0, -1.0])
def test_a_run_under_another_plan_teaches_nothing(record: SpeedRecord, ratio: float) -> None:
    record.add_memory({"cuda"}, "toy", COST, took(ratio))
    assert not record.file.exists()


@pytest.mark.parametrize("fixed_gib", [6, 7])
def test_a_cost_that_does_not_grow_with_the_picture_teaches_nothing(
    record: SpeedRecord, fixed_gib: int
) -> None:
    record.add_memory({"cuda"}, "toy", Cost(6 * GIB, 1000.0, fixed_gib * GIB), 6 * GIB)
    assert not record.file.exists()


@pytest.mark.parametrize(("ratio", "most"), [(1.4, 2.0), (0.71, 0.5)])
def test_however_often_it_is_told_it_stays_within_a_factor_of_two(
    record: SpeedRecord, ratio: float, most: float
) -> None:
    for _ in range(40):
        record.add_memory({"cuda"}, "toy", COST, took(ratio))
    assert record.memory_scale("cuda", "toy") == pytest.approx(most, abs=0.01)


@pytest.mark.parametrize(
    ("damage", "scale"),
    [
        ("", 1),
        ("{", 1),
        ("[1.5]", 1),
        ('{"toy on cuda, memory": "much"}', 1),
        ('{"toy on cuda, memory": -1.5}', 1),
        ('{"toy on cuda, memory": 0}', 1),
        ('{"toy on cuda, memory": NaN}', 1),
        ('{"toy on cuda, memory": true}', 1),
        ('{"toy on cuda, memory": 1e300}', 2),
        ('{"toy on cuda, memory": 1e-300}', 0.5),
    ],
)
def test_a_damaged_file_gives_no_absurd_plans(
    record: SpeedRecord, damage: str, scale: float
) -> None:
    record.file.parent.mkdir()
    record.file.write_text(damage)
    assert record.memory_scale("cuda", "toy") == scale
    record.add_memory({"cuda"}, "toy", COST, took(1.1))
    assert 0.5 <= record.memory_scale("cuda", "toy") <= 2
    assert [path.name for path in record.file.parent.iterdir()] == ["speed.json"]


def test_a_folder_that_cannot_be_written_only_costs_accuracy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    record = SpeedRecord(tmp_path / "file" / "speed.json")
    record.add_memory({"cuda"}, "toy", COST, took(1.2))
    assert record.memory_scale("cuda", "toy") == 1
