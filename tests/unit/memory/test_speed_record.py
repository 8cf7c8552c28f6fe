from __future__ import annotations

from pathlib import Path

import pytest

from scalediff_engine.memory.device_info import guessed_gflop_per_second
from scalediff_engine.memory.speed_record import SpeedRecord


def test_an_unknown_machine_is_guessed(tmp_path: Path) -> None:
    record = SpeedRecord(tmp_path / "speed.json")
    assert record.gflop_per_second("cpu", "toy") == guessed_gflop_per_second()


def test_a_measured_machine_is_remembered_per_device_and_model(tmp_path: Path) -> None:
    record = SpeedRecord(tmp_path / "cache" / "speed.json")
    record.add({"cpu", "auto"}, "toy", gflop=500, seconds=10)
    assert record.gflop_per_second("cpu", "toy") == 50
    assert record.gflop_per_second("auto", "toy") == 50
    assert record.gflop_per_second("cuda:0", "toy") == guessed_gflop_per_second()
    assert record.gflop_per_second("cpu", "other") == guessed_gflop_per_second()


def test_later_runs_move_the_average(tmp_path: Path) -> None:
    record = SpeedRecord(tmp_path / "speed.json")
    record.add(["cpu"], "toy", gflop=500, seconds=10)
    record.add(["cpu"], "toy", gflop=1000, seconds=10)
    assert record.gflop_per_second("cpu", "toy") == pytest.approx(70)


@pytest.mark.parametrize(("gflop", "seconds"), [(500, 0.2), (0, 10), (99, 10), (float("nan"), 10)])
def test_runs_that_measure_nothing_are_not_remembered(
    tmp_path: Path, gflop: float, seconds: float
) -> None:
    record = SpeedRecord(tmp_path / "speed.json")
    record.add(["cpu"], "toy", gflop, seconds)
    assert not record.file.exists()


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        "null",
        '{"toy on cpu": "fast"}',
        '{"toy on cpu": -3}',
        '{"toy on cpu": NaN}',
        '{"toy on cpu": true}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_as_good_as_none_and_mended_by_the_next_run(
    tmp_path: Path, damage: str
) -> None:
    record = SpeedRecord(tmp_path / "speed.json")
    record.file.write_text(damage)
    assert record.gflop_per_second("cpu", "toy") == guessed_gflop_per_second()
    record.add(["cpu"], "toy", gflop=500, seconds=10)
    assert record.gflop_per_second("cpu", "toy") == 50
    assert [path.name for path in tmp_path.iterdir()] == ["speed.json"]


def test_a_folder_that_cannot_be_written_only_costs_accuracy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    record = SpeedRecord(tmp_path / "file" / "speed.json")
    record.add(["cpu"], "toy", gflop=500, seconds=10)
    assert record.gflop_per_second("cpu", "toy") == guessed_gflop_per_second()
