from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import XMP, picture

from scalediff_engine.base.errors import InputMissing
from scalediff_engine.base.geometry import Size
from scalediff_engine.images import recipe
from scalediff_engine.images.picture import ColourModel, Depth, Metadata
from scalediff_engine.images.recipe import describe, read_recipe, recipe_in, with_recipe
from scalediff_engine.images.writer import write

RECIPE = json.dumps({"model": "embedded", "seed": 7, "prompt": "<é & 'ü' ]]> \n"})
FORMATS = [".png", ".webp", ".jpg", ".tif"]


@pytest.mark.parametrize("extension", FORMATS)
def test_a_recipe_survives_in_every_format(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"a{extension}"
    assert write(picture(), path, recipe=RECIPE) == ()
    assert read_recipe(path) == json.loads(RECIPE)


@pytest.mark.parametrize("extension", FORMATS)
def test_a_picture_without_a_recipe_has_none(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"a{extension}"
    write(picture(metadata=Metadata(xmp=XMP)), path)
    assert read_recipe(path) is None


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(
        st.text(max_size=8),
        st.none() | st.booleans() | st.integers() | st.text(max_size=12),
        max_size=4,
    )
)
def test_any_json_object_comes_back(value: dict[str, object]) -> None:
    packet, notes = with_recipe(XMP, json.dumps(value))
    assert recipe_in(packet) == value
    assert notes == ()
    ET.fromstring(packet.decode())  # noqa: S314


def test_what_was_in_the_packet_stays_byte_for_byte() -> None:
    merged, notes = with_recipe(XMP, RECIPE)
    before, after = XMP.split(b"</rdf:RDF>")
    assert notes == ()
    assert merged.startswith(before)
    assert merged.endswith(after)


def test_a_second_recipe_replaces_the_first() -> None:
    once, _ = with_recipe(XMP, '{"a": 1}')
    twice, _ = with_recipe(once, '{"a": 2}')
    assert recipe_in(twice) == {"a": 2}
    assert twice == with_recipe(XMP, '{"a": 2}')[0]


def test_other_prefixes_for_rdf_are_understood() -> None:
    other = XMP.replace(b"rdf:", b"R:").replace(b"xmlns:rdf", b"xmlns:R")
    merged, notes = with_recipe(other, RECIPE)
    assert recipe_in(merged) == json.loads(RECIPE)
    assert b"dc:format" in merged
    assert notes == ()


@pytest.mark.parametrize(
    "broken",
    [b"<x:xmpmeta", b"", b"\xff\xfe\x00", XMP[:-60], b"<a/>", b"<!DOCTYPE a><a></a>", bytes(90)],
)
def test_a_malformed_packet_is_replaced_and_that_is_told(broken: bytes) -> None:
    packet, notes = with_recipe(broken, RECIPE)
    assert recipe_in(packet) == json.loads(RECIPE)
    assert notes == ("The XMP metadata was malformed and was replaced by the recipe alone.",)


def test_exploding_entities_are_not_expanded() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
    assert recipe_in(bomb) is None


def test_a_recipe_that_another_program_made_an_attribute_is_read() -> None:
    packet = XMP.replace(
        b"dc:format",
        f'xmlns:s="{recipe.NAMESPACE}" s:recipe="{{&quot;a&quot;: 1}}" dc:format'.encode(),
    )
    assert recipe_in(packet) == {"a": 1}


@pytest.mark.parametrize("text", ["not json", "[1]", '"x"'])
def test_only_a_json_object_is_a_recipe(text: str) -> None:
    with pytest.raises(ValueError, match=r"recipe|Expecting"):
        with_recipe(None, text)


def test_a_jpeg_keeps_the_recipe_when_the_rest_is_too_long(tmp_path: Path) -> None:
    long = XMP.replace(b"</rdf:RDF>", b"<!--" + b"x" * 70_000 + b"--></rdf:RDF>")
    path = tmp_path / "a.jpg"
    notes = write(picture(metadata=Metadata(xmp=long)), path, recipe=RECIPE)
    assert len(notes) == 1
    assert "does not fit into a JPEG" in notes[0]
    assert read_recipe(path) == json.loads(RECIPE)


def test_describe_tells_everything(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    source = picture(3, Depth.F16, alpha=True, metadata=Metadata(dpi=(300.0, 300.0)))
    write(source, path, recipe=RECIPE)
    found = describe(path)
    assert (found.format_name, found.size, found.depth) == ("TIFF", Size(17, 13), Depth.F16)
    assert (found.model, found.has_alpha) == (ColourModel.RGB, True)
    assert found.profile_name is None
    assert found.dpi == (300.0, 300.0)
    assert found.recipe == json.loads(RECIPE)
    with pytest.raises(InputMissing):
        describe(tmp_path / "b.tif")
