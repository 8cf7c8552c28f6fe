"""What the dialog says of names, and of what is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.conflicts import NameConflict, SharedValues, name_results
from scalediff_engine.batch.folder_scan import Entry, Skip, SkipReason
from scalediff_engine.batch.naming import Destination, Place
from scalediff_engine.client.batches import Existing
from scalediff_engine.images.formats import Format
from scalediff_engine.ui.folder.file_bar import skip_detail, skip_reason
from scalediff_engine.ui.folder.input_model import clash_problem, destination_problem, find_names

VALUES = SharedValues(4.0, "embedded", 7)


def entry(path: str, width: int = 100, height: int = 50) -> Entry:
    return Entry(path, Path(path).name, "", width, height)


def test_two_pictures_with_one_result_are_named() -> None:
    entries = [entry("/in/cat.png"), entry("/in/dog.png"), entry("/in/cat.jpg")]
    named = name_results(entries, Destination(format=Format.PNG), VALUES)
    sentence = clash_problem(entries, named)
    assert "“cat.png” and “cat.jpg” would both become “cat_x4.png”" in sentence
    assert sentence.startswith("2 ")


def test_what_is_there_is_seen_before_the_start_and_left_out_of_the_estimate(
    tmp_path: Path,
) -> None:
    (tmp_path / "cat_x4.png").write_text("mine")
    entries = [entry(str(tmp_path / "cat.png")), entry(str(tmp_path / "dog.png"))]
    skipping = find_names(entries, Destination(), VALUES)
    assert skipping.targets.conflicts == {0: NameConflict.EXISTS}
    assert sum(count for g in skipping.groups for _, count in g.members) == 1
    replacing = find_names(entries, Destination(existing=Existing.REPLACE), VALUES)
    assert sum(count for g in replacing.groups for _, count in g.members) == 2


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


@pytest.mark.parametrize("reason", list(SkipReason))
def test_every_reason_has_words(reason: SkipReason) -> None:
    assert skip_reason(reason)


@pytest.mark.parametrize(
    ("skip", "sentence"),
    [
        (Skip("/a.png", SkipReason.MISSING), "There is no file /a.png."),
        (Skip("/in", SkipReason.FOLDER_UNREADABLE, "busy"), "The folder /in cannot be read: busy."),
        (Skip("/a.png", SkipReason.TOO_SMALL, size=Size(4, 5)), "It has 4 × 5 pixels; 8 a side"),
        (Skip("/a.heic", SkipReason.UNSUPPORTED, "HEIC"), "HEIC files are not supported"),
        (Skip("/{a}.png", SkipReason.UNREADABLE, "{a} is empty."), "{a} is empty."),
        (Skip("/a", SkipReason.NAME_NOT_UTF8), "not in UTF-8"),
        (Skip("/.a", SkipReason.HIDDEN), ""),
    ],
)
def test_what_is_skipped_says_more(skip: Skip, sentence: str) -> None:
    assert sentence in skip_detail(skip)
