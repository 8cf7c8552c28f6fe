"""What is remembered from one dialog to the next."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.ui.upscale import remembered
from scalediff_engine.ui.upscale.choices import Choices, Extent, Unit
from scalediff_engine.ui.upscale.remembered import Memory, file_in, load, save


def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    chosen = Choices(
        extent=Extent(scale=2.5, ppi=240), model="sdxl", creativity=0.2, seed=9, preset="best"
    )
    memory = Memory().keep(replace(chosen, method="fast"), "sdxl")
    assert memory.begin().is_fast
    save(memory, file_in(tmp_path))
    assert load(file_in(tmp_path)) == memory


def test_each_family_has_its_own() -> None:
    memory = Memory().keep(Choices(creativity=0.1), "a").keep(Choices(creativity=0.9), "b")
    assert memory.apply(Choices(), "a").creativity == 0.1
    assert memory.apply(Choices(), "b").creativity == 0.9
    assert memory.apply(Choices(creativity=0.5), "c").creativity is None


def test_a_size_belongs_to_its_picture() -> None:
    chosen = Choices(extent=Extent(Unit.PIXELS, scale=7, width_px=4000))
    assert Memory().keep(chosen, "a").extent == Extent()


def test_prompts_are_not_written_down(tmp_path: Path) -> None:
    save(Memory().keep(replace(Choices(), prompt="aunt Emma"), "a"), file_in(tmp_path))
    assert "Emma" not in file_in(tmp_path).read_text()


def test_others_cannot_read_it(tmp_path: Path) -> None:
    save(Memory(), file_in(tmp_path))
    assert file_in(tmp_path).parent.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "dialog").write_text("in the way")
    save(Memory(), file_in(tmp_path))
    assert "cannot be written" in caplog.text


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["model", "scale", "ppi", "seed", "seed_is_locked", "method"]), _JSON
    ),
    st.dictionaries(st.text(max_size=3), _JSON)
    | st.dictionaries(
        st.just("sdxl"),
        st.dictionaries(st.sampled_from(["preset", "creativity", "structure", "steps"]), _JSON),
    ),
)
def test_whatever_is_in_the_file_a_dialog_opens(
    tmp_path_factory: pytest.TempPathFactory, whole: dict[str, Any], families: Any
) -> None:
    file = tmp_path_factory.getbasetemp() / "settings.json"
    file.write_text(json.dumps({**whole, "families": families}))
    memory = remembered.load(file)
    begun = memory.apply(memory.begin(), "sdxl")
    assert 1 <= begun.extent.scale <= 32
    assert begun.creativity is None or 0 <= begun.creativity <= 1
    assert begun.preset in ("fast", "balanced", "best")
    assert begun.method in ("scalediff", "fast")


def test_a_damaged_file_is_no_file(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(b"\xff{")
    assert load(file) == Memory()
    assert load(tmp_path / "none.json") == Memory()


@pytest.mark.parametrize("strip", [False, True])
def test_whether_metadata_are_written_is_kept(tmp_path: Path, strip: bool) -> None:
    save(Memory().keep(Choices(strip=strip), "a"), file_in(tmp_path))
    assert load(file_in(tmp_path)).begin().strip is strip
