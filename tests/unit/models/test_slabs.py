"""Pictures in one piece and in slabs."""

from __future__ import annotations

import weakref

import pytest
import torch
from torch import Tensor

from scalediff_engine.models.row_buffer import RowBuffer, Rows, Shape, WorkingMemory, plan_memory

SHAPE = Shape(height=11, width=3, channels=2)
ROW_BYTES = 3 * 2 * 4
SLAB_BYTES = [None, 0, 4 * ROW_BYTES, 5 * ROW_BYTES - 1, 100 * ROW_BYTES]


def picture() -> Tensor:
    x = torch.arange(2 * 11 * 3, dtype=torch.float32).reshape(1, 2, 11, 3)
    return x.contiguous(memory_format=torch.channels_last)


def filled(slab_bytes: int | None, strip: int = 3) -> RowBuffer:
    kept, x = RowBuffer(SHAPE, torch.float32, torch.device("cpu"), slab_bytes), picture()
    for start in range(0, 11, strip):
        kept.write(Rows(start, min(11, start + strip)), x[:, :, start : start + strip])
    return kept


@pytest.mark.parametrize("slab_bytes", SLAB_BYTES)
@pytest.mark.parametrize("strip", [1, 3, 4, 11])
def test_what_was_written_is_read(slab_bytes: int | None, strip: int) -> None:
    kept, x = filled(slab_bytes, strip), picture()
    assert torch.equal(kept.whole(), x)
    for start in range(11):
        for stop in range(start + 1, 12):
            rows = kept.read(Rows(start, stop))
            assert torch.equal(rows, x[:, :, start:stop])
            assert rows.is_contiguous(memory_format=torch.channels_last)


def test_what_lies_in_one_slab_is_not_copied() -> None:
    whole, slabs = filled(None), filled(4 * ROW_BYTES)
    assert whole.read(Rows(2, 9)).untyped_storage() is whole.whole().untyped_storage()
    assert slabs.read(Rows(4, 6)).untyped_storage() is slabs.read(Rows(7, 8)).untyped_storage()


def test_what_is_written_over_is_read() -> None:
    kept, x = filled(4 * ROW_BYTES), picture()
    kept.write(Rows(2, 9), -x[:, :, 2:9])
    x[:, :, 2:9] *= -1
    assert torch.equal(kept.whole(), x)


def test_a_slab_goes_when_all_of_its_rows_were_released() -> None:
    kept = filled(4 * ROW_BYTES)
    first, second, last = (
        weakref.ref(kept.read(Rows(row, row + 1)).untyped_storage()) for row in (0, 4, 8)
    )
    kept.release(3)
    assert first() is not None
    kept.release(4)
    assert first() is None
    kept.release(7)
    assert second() is not None
    assert torch.equal(kept.read(Rows(4, 11)), picture()[:, :, 4:])
    kept.release(11)
    assert second() is None
    assert last() is not None  # three rows in a slab for four


def test_somebody_elses_picture_takes_nothing_and_stays() -> None:
    kept = RowBuffer.of(picture(), ours=False)
    kept.release(11)
    assert torch.equal(kept.whole(), picture())
    assert kept.bytes == 0
    assert RowBuffer.of(picture(), ours=True).bytes == 11 * ROW_BYTES


def test_a_new_picture_is_of_the_same_type() -> None:
    kept = RowBuffer.of(picture().double(), ours=False).empty(SHAPE, None)
    kept.write(Rows(0, 11), picture().double())
    assert kept.whole().dtype == torch.float64
    assert kept.bytes == 2 * 11 * ROW_BYTES


def test_rows_grow_as_far_as_the_picture_goes() -> None:
    assert Rows(3, 5).wider(2, 20) == Rows(1, 7)
    assert Rows(1, 19).wider(2, 20) == Rows(0, 20)


PICTURES = [Shape(100, 100, 16), Shape(200, 200, 16), Shape(200, 200, 8)]
BYTES = [320_000, 1_280_000, 640_000]  # in 16 bits


def test_pictures_lie_in_one_piece_where_two_and_strips_fit() -> None:
    enough = (BYTES[1] + BYTES[2]) * 4 // 3
    assert plan_memory(enough, PICTURES, 2) == WorkingMemory(enough)
    assert plan_memory(enough - 8, PICTURES, 2).slab_bytes is not None
    assert plan_memory(None, PICTURES, 2) == WorkingMemory(None)
    assert plan_memory(0, [], 2) == WorkingMemory(0)


@pytest.mark.parametrize("working_bytes", [0, 1_000_000, 2_000_000])
def test_slabs_have_the_size_of_whole_rows_of_every_picture(working_bytes: int) -> None:
    slab_bytes = plan_memory(working_bytes, PICTURES, 2).slab_bytes
    assert slab_bytes is not None
    assert slab_bytes > 0
    for shape in PICTURES:
        assert slab_bytes % (shape.row_values * 2) == 0


def test_in_slabs_the_larger_of_two_pictures_counts() -> None:
    assert WorkingMemory(1_000).to_make(300, 500) == 800
    assert WorkingMemory(1_000, slab_bytes=10).to_make(300, 500) == 530
    assert WorkingMemory(1_000, slab_bytes=10).to_make(500, 300) == 530


def test_strips_have_what_is_left_but_neither_all_nor_nothing() -> None:
    memory = WorkingMemory(1_000, slab_bytes=10)
    assert memory.holds(900)
    assert not memory.holds(901)
    assert [memory.strip_bytes(kept) for kept in (0, 750, 800, 900, 2_000)] == [
        250,
        250,
        200,
        100,
        100,
    ]
    assert [WorkingMemory(1_000).strip_bytes(kept) for kept in (0, 2_000)] == [250, 250]
    assert not WorkingMemory(1_000).holds(751)


def test_without_a_limit_everything_is_held() -> None:
    assert WorkingMemory(None).holds(10**15)
    assert WorkingMemory(None).strip_bytes(10**15) is None
