"""Names of results: the command line's own, and nothing is ever overwritten by accident."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fake_batches import save_picture
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.inputs import Source
from scalediff_engine.batch.naming import NamePattern, NameValues
from scalediff_engine.batch.outputs import output_path
from scalediff_engine.cli.request import Destination as CommandLine
from scalediff_engine.client.batches import Existing
from scalediff_engine.ui.folder.destination import Destination, Place
from scalediff_engine.ui.folder.entries import Entry
from scalediff_engine.ui.folder.naming import clash_problem, destination_problem, find_names
from scalediff_engine.ui.folder.targets import (
    NotWanted,
    Trouble,
    Words,
    example,
    is_forbidden,
    name_all,
    result_size,
)

WORDS = Words(4.0, "embedded", 7)


def entry(path: str, width: int = 100, height: int = 50, below: str = "") -> Entry:
    return Entry(path, Path(path).name, below, width, height)


@pytest.mark.parametrize(
    "pattern", ["{stem}_x{scale}", "{model}-{seed}-{stem}", "{width}x{height}", "{stem}.{ext}"]
)
@pytest.mark.parametrize("form", [None, "png", "tiff", "webp", "jpeg"])
@pytest.mark.parametrize("name", ["cat.JPG", "cat.png", "cat.bmp", "a.b.tiff", "cat.jpe"])
@pytest.mark.parametrize("scale", [4.0, 2.67])
def test_names_are_those_of_the_command_line(
    pattern: str, form: str | None, name: str, scale: float
) -> None:
    size = Size(103, 50)
    values = NameValues(Path(name), size, size.scaled(scale), "embedded", 7)
    wanted = CommandLine(folder=Path("/out"), pattern=NamePattern(pattern), format=form)
    path = output_path(Source(Path(f"/in/deep/{name}"), Path("deep")), wanted, values)
    mine = Destination(place=Place.FOLDER, folder="/out", pattern=pattern, format=form)
    found = name_all(
        [entry(f"/in/deep/{name}", 103, 50, "deep")], mine, replace(WORDS, scale=scale)
    )
    assert found.paths == [str(path)]
    assert result_size(entry(name, 103, 50), scale) == size.scaled(scale)


def test_results_go_where_they_are_sent() -> None:
    found = entry("/in/deep/cat.png", below="deep")
    for place, path in (
        (Place.BESIDE, "/in/deep/cat_x4.png"),
        (Place.SUBFOLDER, "/in/deep/upscaled/cat_x4.png"),
        (Place.FOLDER, "/out/deep/cat_x4.png"),
    ):
        chosen = Destination(place=place, folder="/out")
        assert name_all([found], chosen, WORDS).paths == [path]


def test_two_pictures_never_become_one_file() -> None:
    entries = [entry("/in/cat.png"), entry("/in/dog.png"), entry("/in/cat.jpg")]
    assert name_all(entries, Destination(), WORDS).troubles == {}
    named = name_all(entries, Destination(format="png"), WORDS)
    assert named.troubles == {0: Trouble.TWICE, 2: Trouble.TWICE}
    sentence = clash_problem(entries, named)
    assert "“cat.png” and “cat.jpg” would both become “cat_x4.png”" in sentence
    assert sentence.startswith("2 ")


def test_no_source_is_ever_overwritten(tmp_path: Path) -> None:
    save_picture(tmp_path / "cat.png")
    save_picture(tmp_path / "cat_x4.png")
    entries = [entry(str(tmp_path / "cat.png")), entry(str(tmp_path / "cat_x4.png"))]
    own = name_all(entries, Destination(pattern="{stem}", existing=Existing.REPLACE), WORDS)
    assert own.troubles == {0: Trouble.OWN_SOURCE, 1: Trouble.OWN_SOURCE}
    other = name_all(entries, Destination(existing=Existing.REPLACE), WORDS)
    assert other.troubles == {0: Trouble.OTHER_SOURCE}
    assert name_all(entries, Destination(), WORDS).troubles == {0: Trouble.EXISTS}


def test_what_is_there_is_seen_before_the_start_and_left_out_of_the_estimate(
    tmp_path: Path,
) -> None:
    (tmp_path / "cat_x4.png").write_text("mine")
    entries = [entry(str(tmp_path / "cat.png")), entry(str(tmp_path / "dog.png"))]
    skipping = find_names(entries, Destination(), WORDS)
    assert skipping.targets.troubles == {0: Trouble.EXISTS}
    assert sum(count for g in skipping.groups for _, count in g.members) == 1
    replacing = find_names(entries, Destination(existing=Existing.REPLACE), WORDS)
    assert sum(count for g in replacing.groups for _, count in g.members) == 2


def test_names_that_a_system_does_not_take() -> None:
    long = entry(f"/in/{'ä' * 126}.png")
    assert name_all([long], Destination(), WORDS).troubles == {0: Trouble.TOO_LONG}
    assert is_forbidden("a:b.png", "win32")
    assert is_forbidden("con.x4.png", "win32")
    assert is_forbidden("name. ", "win32")
    assert not is_forbidden("a:b.png", "linux")
    assert is_forbidden("a/b", "linux")
    wide = entry("/in/wide.png", 5000, 10)
    webp = name_all([wide], Destination(format="webp"), WORDS)
    assert webp.troubles == {0: Trouble.TOO_LARGE}


def test_a_stem_of_dots_makes_no_name() -> None:
    named = name_all([entry("/in/. .png")], Destination(pattern="{stem}"), WORDS)
    assert named.troubles == {0: Trouble.NO_NAME}
    assert named.paths == [""]


@pytest.mark.parametrize(
    ("chosen", "word"),
    [
        (Destination(place=Place.FOLDER), "Choose"),
        (Destination(place=Place.SUBFOLDER, subfolder="a/b"), "a/b"),
        (Destination(place=Place.SUBFOLDER, subfolder=".."), ".."),
        (Destination(place=Place.SUBFOLDER, subfolder=" "), "subfolder"),
        (Destination(pattern=""), "empty"),
        (Destination(pattern="a/b"), "slash"),
        (Destination(pattern="{stem"), "brace"),
        (Destination(pattern="{name}"), "{name}"),
    ],
)
def test_a_destination_that_makes_no_sense_is_told(chosen: Destination, word: str) -> None:
    assert word in destination_problem(chosen)
    assert destination_problem(Destination()) == ""


def test_nobody_names_for_somebody_who_has_left() -> None:
    with pytest.raises(NotWanted):
        name_all([entry("/in/cat.png")], Destination(), WORDS, lambda: False)


def test_an_example_is_a_name() -> None:
    assert example(Destination(format="tiff"), WORDS, entry("/in/cat.png")) == "cat_x4.tif"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="letters are one there")
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["png", "jpg", "bmp"]),
                  st.sampled_from(["", "in/"])),
        max_size=8, unique=True,
    ),
    st.sampled_from(["{stem}", "{stem}_x{scale}", "same", "{stem}{stem}"]),
    st.sampled_from([None, "png"]),
    st.sampled_from(list(Place)),
)  # fmt: skip
def test_what_has_no_trouble_has_a_file_of_its_own(
    files: list[tuple[str, str, str]], pattern: str, form: str | None, place: Place
) -> None:
    entries = [entry(f"/r/{below}{stem}.{e}", below=below.rstrip("/")) for stem, e, below in files]
    chosen = Destination(place=place, folder="/r", pattern=pattern, format=form)
    named = name_all(entries, chosen, WORDS)
    sources = {found.path for found in entries}
    sound = [p for index, p in enumerate(named.paths) if index not in named.troubles]
    assert len(set(sound)) == len(sound)
    for index, path in enumerate(named.paths):
        if path == entries[index].path:
            assert index in named.troubles
    assert len(named.paths) == len(entries)
    assert not (set(sound) & sources) or chosen.existing is not Existing.REPLACE
