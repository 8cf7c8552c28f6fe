"""Names of results: the command line's own, and nothing is ever overwritten by accident."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.base.errors import Cancelled
from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.conflicts import (
    NameConflict,
    SharedValues,
    example_name,
    is_forbidden,
    name_results,
)
from scalediff_engine.batch.folder_scan import Entry, Source
from scalediff_engine.batch.naming import Destination, NameValues, Place
from scalediff_engine.cli.outputs import output_path
from scalediff_engine.client.batches import Existing
from scalediff_engine.images.formats import Format

VALUES = SharedValues(4.0, "embedded", 7)


def entry(path: str, width: int = 100, height: int = 50, below: str = "") -> Entry:
    return Entry(path, Path(path).name, below, width, height)


@pytest.mark.parametrize("form", [None, *Format])
@pytest.mark.parametrize("name", ["cat.JPG", "cat.png", "cat.bmp", "a.b.tiff", "cat.jpe"])
def test_names_are_those_of_the_command_line(form: Format | None, name: str) -> None:
    size = Size(103, 50)
    values = NameValues(size, size.scaled(2.67), "embedded", 7)
    chosen = Destination(place=Place.FOLDER, folder="/out", format=form)
    path = output_path(Source(f"/in/deep/{name}", "deep", "/in"), chosen, values)
    entries = [entry(f"/in/deep/{name}", 103, 50, "deep")]
    assert name_results(entries, chosen, replace(VALUES, scale=2.67)).paths == [str(path)]


def test_results_go_where_they_are_sent() -> None:
    found = entry("/in/deep/cat.png", below="deep")
    for place, path in (
        (Place.BESIDE, "/in/deep/cat_x4.png"),
        (Place.SUBFOLDER, "/in/deep/upscaled/cat_x4.png"),
        (Place.FOLDER, "/out/deep/cat_x4.png"),
    ):
        chosen = Destination(place=place, folder="/out")
        assert name_results([found], chosen, VALUES).paths == [path]


def test_two_pictures_never_become_one_file() -> None:
    entries = [entry("/in/cat.png"), entry("/in/dog.png"), entry("/in/cat.jpg")]
    assert name_results(entries, Destination(), VALUES).conflicts == {}
    named = name_results(entries, Destination(format=Format.PNG), VALUES)
    assert named.conflicts == {0: NameConflict.DUPLICATE, 2: NameConflict.DUPLICATE}
    assert named.duplicates == (0, 2)


def test_no_source_is_ever_overwritten(tmp_path: Path) -> None:
    for name in ("cat.png", "cat_x4.png"):
        (tmp_path / name).touch()
    entries = [entry(str(tmp_path / "cat.png")), entry(str(tmp_path / "cat_x4.png"))]
    own = name_results(entries, Destination(pattern="{stem}", existing=Existing.REPLACE), VALUES)
    assert own.conflicts == {0: NameConflict.OWN_SOURCE, 1: NameConflict.OWN_SOURCE}
    other = name_results(entries, Destination(existing=Existing.REPLACE), VALUES)
    assert other.conflicts == {0: NameConflict.OTHER_SOURCE}
    assert name_results(entries, Destination(), VALUES).conflicts == {0: NameConflict.EXISTS}


def test_names_that_a_system_does_not_take() -> None:
    long = entry(f"/in/{'ä' * 126}.png")
    assert name_results([long], Destination(), VALUES).conflicts == {0: NameConflict.TOO_LONG}
    assert is_forbidden("a:b.png", "win32")
    assert is_forbidden("con.x4.png", "win32")
    assert is_forbidden("name. ", "win32")
    assert not is_forbidden("a:b.png", "linux")
    assert is_forbidden("a/b", "linux")
    wide = entry("/in/wide.png", 5000, 10)
    webp = name_results([wide], Destination(format=Format.WEBP), VALUES)
    assert webp.conflicts == {0: NameConflict.TOO_LARGE}


def test_a_stem_of_dots_makes_no_name() -> None:
    named = name_results([entry("/in/. .png")], Destination(pattern="{stem}"), VALUES)
    assert named.conflicts == {0: NameConflict.NO_NAME}
    assert named.paths == [""]


def test_nobody_names_for_somebody_who_has_left() -> None:
    with pytest.raises(Cancelled):
        name_results([entry("/in/cat.png")], Destination(), VALUES, lambda: False)


def test_an_example_is_a_name() -> None:
    assert (
        example_name(Destination(format=Format.TIFF), VALUES, entry("/in/cat.png")) == "cat_x4.tif"
    )


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="letters are one there")
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["png", "jpg", "bmp"]),
                  st.sampled_from(["", "in/"])),
        max_size=8, unique=True,
    ),
    st.sampled_from(["{stem}", "{stem}_x{scale}", "same", "{stem}{stem}"]),
    st.sampled_from([None, Format.PNG]),
    st.sampled_from(list(Place)),
)  # fmt: skip
def test_what_has_no_trouble_has_a_file_of_its_own(
    files: list[tuple[str, str, str]], pattern: str, form: Format | None, place: Place
) -> None:
    entries = [entry(f"/r/{below}{stem}.{e}", below=below.rstrip("/")) for stem, e, below in files]
    chosen = Destination(place=place, folder="/r", pattern=pattern, format=form)
    named = name_results(entries, chosen, VALUES)
    sources = {found.path for found in entries}
    sound = [p for index, p in enumerate(named.paths) if index not in named.conflicts]
    assert len(set(sound)) == len(sound)
    for index, path in enumerate(named.paths):
        if path == entries[index].path:
            assert index in named.conflicts
    assert len(named.paths) == len(entries)
    assert not (set(sound) & sources) or chosen.existing is not Existing.REPLACE
