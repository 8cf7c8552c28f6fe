from __future__ import annotations

from scalediff_engine.base.geometry import Grid, Size


def test_sizes_round_to_whole_pixels_and_never_vanish() -> None:
    assert Size(257, 431).scaled(3) == Size(771, 1293)
    assert Size(3, 1).scaled(0.1) == Size(1, 1)


def test_sizes_are_padded_up_to_a_multiple() -> None:
    assert Size(257, 16).padded(16) == Size(272, 16)
    assert Size(257, 17).padded(Size(16, 32)) == Size(272, 32)


def test_a_latent_grid_covers_the_size() -> None:
    assert Size(257, 431).grid(4) == Grid(108, 65)


def test_halving_a_grid_rounds_up_as_a_strided_convolution_does() -> None:
    assert Grid(9, 8).halved(1) == Grid(5, 4)
    assert Grid(9, 8).halved(2) == Grid(3, 2)
    assert Grid(9, 8).halved(0) == Grid(9, 8)


def test_sizes_read_as_width_by_height() -> None:
    assert f"{Size(640, 480)}" == "640x480"


def test_a_grid_of_the_native_area_is_native_in_any_proportions() -> None:
    native = Size(1024, 1024).grid(8)
    assert Size(1024, 1024).grid(8).is_native(native)
    assert Size(832, 1216).grid(8).is_native(native)
    assert Size(1536, 640).grid(8).is_native(native)
    assert not Size(1216, 1024).grid(8).is_native(native)
    assert not Size(2048, 2048).grid(8).is_native(native)
