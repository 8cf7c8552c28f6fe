"""Layers, selections, masks and canvases: where results go, and what stays as it was."""

import json
import struct
import sys
from pathlib import Path

from gi.repository import Gimp

from kit import (
    FAST,
    PROMPT,
    call,
    encoding,
    fingerprint,
    names,
    new_image,
    new_layer,
    offsets,
    own_format,
    pixels,
    put,
    reloaded,
    short,
    size,
    titled,
    upscaled,
)

REPLACE = Gimp.ChannelOps.REPLACE


def a_soft_selection_becomes_the_mask(stage) -> None:
    image = new_image()
    layer = new_layer(image, "soft")
    image.select_ellipse(REPLACE, 10, 8, 24, 20)
    Gimp.Selection.feather(image, 4)
    _, _, left, top, right, bottom = Gimp.Selection.bounds(image)
    selected = pixels(image.get_selection())
    _, made = upscaled(image, [layer])
    assert offsets(made) == (left, top), (offsets(made), left, top)
    assert size(made) == (2 * (right - left), 2 * (bottom - top))
    mask = pixels(made.get_mask(), "Y u8")
    width = right - left
    # each block of 2x2 is about what the selection was, which is soft and not 0 or 255 alone
    seen = set()
    for y in range(bottom - top):
        for x in range(width):
            want = selected[(top + y) * image.get_width() + left + x]
            at = 2 * y * 2 * width + 2 * x
            block = mask[at : at + 2] + mask[at + 2 * width : at + 2 * width + 2]
            assert abs(sum(block) / 4 - want) < 24, (x, y, want, list(block))
            seen.add(want)
    assert len(seen) > 20
    assert pixels(image.get_selection()) == selected
    assert not made.get_edit_mask()


def only_the_selection_is_sent(stage) -> None:
    image = new_image()
    layer = new_layer(image, "part", at=(-7, 5))
    image.select_rectangle(REPLACE, 0, 0, 20, 16)
    _, made = upscaled(image, [layer])
    assert (offsets(made), size(made)) == ((0, 5), (40, 22))
    assert made.get_mask() is None
    stage.save("part.sent", pixels(layer, None, 7, 0, 20, 11))


def a_selection_beside_the_layer_is_refused(stage) -> None:
    image = new_image()
    layer = new_layer(image, "beside", 10, 10)
    image.select_rectangle(REPLACE, 30, 20, 8, 8)
    before = fingerprint(image)
    status, error, _, _ = call("scalediff-upscale", image, [layer])
    assert status == "execution-error", status
    assert "outside of the layer" in error and "beside" in error, error
    assert fingerprint(image) == before


def a_layer_beyond_the_canvas_is_taken_whole(stage) -> None:
    image = new_image()
    layer = new_layer(image, "beyond", 70, 30, at=(-20, 25))
    _, made = upscaled(image, [layer])
    assert (offsets(made), size(made)) == ((-20, 25), (140, 60))
    assert size(image) == (48, 40)


def the_canvas_grows_and_everything_moves_with_it(stage) -> None:
    image = new_image()
    other = new_layer(image, "other", 10, 10, at=(3, 4))
    layer = new_layer(image, "grown", 30, 30, at=(-6, -2))
    _, made = upscaled(image, [layer], canvas="grow")
    assert size(image) == (60, 60)  # from -6 to 54, and from -2 to 58
    assert offsets(other) == (9, 6)
    assert offsets(layer) == offsets(made) == (0, 0)


def the_image_is_scaled_and_the_layer_lies_over_its_source(stage) -> None:
    image = new_image()
    layer = new_layer(image, "scaled", 20, 16, at=(5, 6))
    _, made = upscaled(image, [layer], canvas="scale")
    assert size(image) == (96, 80)
    assert (offsets(made), size(made)) == ((10, 12), (40, 32))
    assert (offsets(layer), size(layer)) == ((10, 12), (40, 32))
    assert pixels(layer) != pixels(made)


def a_new_image_has_precision_profile_and_resolution(stage) -> None:
    profile = Gimp.ColorProfile.new_rgb_adobe()
    image = new_image(precision="U16_LINEAR", profile=profile)
    assert image.set_resolution(240, 120)
    layer = new_layer(image, "new", at=(4, 4))
    before = fingerprint(image)
    made, above = upscaled(image, [layer], canvas="new")
    assert fingerprint(image) == before
    assert made.get_id() != image.get_id() and made.is_valid()
    assert size(made) == size(above) == (96, 80) and offsets(above) == (0, 0)
    assert made.get_precision() == image.get_precision()
    assert made.get_color_profile().is_equal(profile)
    assert tuple(made.get_resolution())[1:] == (240, 120)
    assert made.undo_is_enabled()
    assert names(made) == ["new 2x"]  # and no empty layer below


def a_text_layer_is_taken_as_it_looks(stage) -> None:
    image = new_image(96, 40)
    font = Gimp.Font.get_by_name("DejaVu Sans") or Gimp.context_get_font()
    text = Gimp.TextLayer.new(image, "Ab", font, 24.0, Gimp.Unit.pixel())
    assert image.insert_layer(text, None, 0)
    text.set_offsets(3, 2)
    _, made = upscaled(image, [text])
    assert offsets(made) == (3, 2) and size(made) == (2 * size(text)[0], 2 * size(text)[1])
    assert text.is_text_layer() and not made.is_text_layer()
    assert any(pixels(made))


def a_group_is_taken_as_it_looks_and_the_result_lies_above_it(stage) -> None:
    image = new_image()
    group = Gimp.GroupLayer.new(image, titled("group"))
    assert image.insert_layer(group, None, 0)
    new_layer(image, "low", 20, 20, at=(2, 2), parent=group)
    new_layer(image, "high", 20, 20, at=(12, 12), parent=group, seed=3)
    top = new_layer(image, "top", 5, 5)
    _, made = upscaled(image, [group])
    assert names(image) == ["top", "group 2x", "group"], names(image)
    assert (offsets(made), size(made)) == ((2, 2), (60, 60))
    stage.save("group.sent", pixels(group))
    assert top.is_valid()


def a_group_that_passes_through_gives_a_layer_that_does_not(stage) -> None:
    image = new_image()
    group = Gimp.GroupLayer.new(image, titled("through"))
    assert image.insert_layer(group, None, 0)
    assert group.set_mode(Gimp.LayerMode.PASS_THROUGH)
    new_layer(image, "inside", 20, 16, at=(-4, 30), parent=group)
    _, made = upscaled(image, [group])
    assert made.get_mode() == Gimp.LayerMode.NORMAL
    assert (offsets(made), size(made)) == ((-4, 30), (40, 32))
    stage.save("through.sent", pixels(group))


def a_layer_in_a_group_gets_its_result_into_the_group(stage) -> None:
    image = new_image()
    group = Gimp.GroupLayer.new(image, titled("group"))
    assert image.insert_layer(group, None, 0)
    low = new_layer(image, "low", 20, 20, parent=group)
    new_layer(image, "high", 20, 20, parent=group)
    _, made = upscaled(image, [low])
    assert [short(each) for each in group.get_children()] == ["high", "low 2x", "low"]
    assert made.get_parent() == group


def a_layer_mask_goes_with_the_layer(stage) -> None:
    image = new_image()
    layer = new_layer(image, "masked", 16, 12)
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    assert layer.add_mask(mask)
    put(mask, bytes([255] * 96 + [0] * 96))  # the lower half hides
    unmasked = pixels(layer)
    _, made = upscaled(image, [layer])
    found = pixels(made.get_mask(), "Y u8")
    assert set(found[: 32 * 10]) == {255} and set(found[32 * 14 :]) == {0}
    assert pixels(layer) == unmasked
    stage.save("masked.sent", unmasked)


def a_mask_and_a_selection_are_multiplied(stage) -> None:
    image = new_image()
    layer = new_layer(image, "both", 16, 12)
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    assert layer.add_mask(mask)
    put(mask, bytes([128] * 192))
    image.select_ellipse(REPLACE, 4, 0, 40, 12)
    _, made = upscaled(image, [layer])
    assert (offsets(made), size(made)) == ((4, 0), (24, 24))
    found = pixels(made.get_mask(), "Y u8")
    assert found[0] == 0 and found[24 * 12 + 20] == 128 and max(found) == 128


def a_mask_that_is_selected_stands_for_its_layer(stage) -> None:
    image = new_image()
    layer = new_layer(image, "of mask")
    mask = layer.create_mask(Gimp.AddMaskType.BLACK)
    assert layer.add_mask(mask)
    put(mask, bytes([9] * 48 * 40))
    _, made = upscaled(image, [mask])
    assert names(image) == ["of mask 2x", "of mask"]
    assert set(pixels(made.get_mask(), "Y u8")) == {9}


def a_channel_is_refused(stage) -> None:
    image = new_image()
    new_layer(image, "layer")
    channel = Gimp.Channel.new(image, "spot", 48, 40, 50.0, Gimp.context_get_foreground())
    assert image.insert_channel(channel, None, 0)
    status, error, _, _ = call("scalediff-upscale", image, [channel])
    assert status == "execution-error" and "'spot' is a channel" in error, error
    assert names(image) == ["layer"]


def a_hidden_layer_with_a_mode_keeps_both(stage) -> None:
    image = new_image()
    layer = new_layer(image, "hidden")
    layer.set_visible(False)
    layer.set_mode(Gimp.LayerMode.MULTIPLY)
    layer.set_opacity(40.0)
    _, made = upscaled(image, [layer])
    assert made.get_mode() == Gimp.LayerMode.MULTIPLY
    assert abs(made.get_opacity() - 40) < 0.1
    assert made.get_visible() and not layer.get_visible()


def the_blending_of_a_source_is_there_once(stage) -> None:
    image = new_image()
    new_layer(image, "paper", seed=7, alpha=False)
    layer = new_layer(image, "ink", alpha=False)
    layer.set_mode(Gimp.LayerMode.MULTIPLY)
    layer.set_opacity(60.0)
    layer.set_blend_space(Gimp.LayerColorSpace.RGB_LINEAR)
    layer.set_composite_mode(Gimp.LayerCompositeMode.UNION)
    was = _seen(image)
    status, error, _, made = call("scalediff-upscale-in-place", image, [layer])
    assert status == "success", error
    assert made.get_mode() == Gimp.LayerMode.MULTIPLY and abs(made.get_opacity() - 60) < 0.1
    assert made.get_blend_space() == Gimp.LayerColorSpace.RGB_LINEAR
    assert made.get_composite_mode() == Gimp.LayerCompositeMode.UNION
    assert not layer.get_visible()
    once = _away(_seen(image), was)
    layer.set_visible(True)
    assert once < 15 < _away(_seen(image), was), (once, _away(_seen(image), was))


def every_mode_of_gimp_is_carried_over(stage) -> None:
    image = new_image(8, 8)
    layer = new_layer(image, "any", 8, 8)
    modes = [each for each in _members(Gimp.LayerMode) if layer.set_mode(each)]
    modes = [each for each in modes if layer.set_mode(each) and layer.get_mode() == each]
    assert len(modes) > 40
    sys.path.append(str(Path(Gimp.directory()) / "plug-ins" / "scalediff"))
    from scalediff_gimp.gegl import Block
    from scalediff_gimp.inserting import insert
    from scalediff_gimp.plugin_common.placement import Canvas, Rect
    from scalediff_gimp.results import Result

    block = Block(8, 8, own_format(layer), pixels(layer))
    for mode in modes:
        layer.set_mode(mode)
        layer.set_visible(True)
        area = Rect(0, 0, 8, 8)
        result = Result(block, True, False, "made", area, None, layer, "{}", b"", is_whole=True)
        (made,) = insert(image, [result], Canvas.KEEP).layers
        assert made.get_mode() == mode, (mode, made.get_mode())
        is_normal = mode in (Gimp.LayerMode.NORMAL, Gimp.LayerMode.NORMAL_LEGACY)
        assert layer.get_visible() == is_normal, mode
        image.remove_layer(made)


def a_layer_with_effects_is_taken_as_it_looks(stage) -> None:
    image = new_image(100, 80)
    layer = new_layer(image, "fx", 20, 16, at=(40, 30))
    _shadow(layer)
    seen = Gimp.Layer.new_from_visible(image, image, "seen")
    assert image.insert_layer(seen, None, 0) and image.select_item(REPLACE, seen)
    _, _, left, top, right, bottom = Gimp.Selection.bounds(image)
    Gimp.Selection.none(image)
    bounds = (left, top, right - left, bottom - top)
    want = pixels(seen, None, *bounds)
    image.remove_layer(seen)
    assert right - left > 30, bounds  # the shadow is beyond the layer
    before = pixels(layer)
    _, made = upscaled(image, [layer])
    assert (offsets(made), size(made)) == ((left, top), (2 * bounds[2], 2 * bounds[3]))
    assert names(image) == ["fx 2x", "fx"] and not layer.get_visible()
    assert pixels(layer) == before and len(layer.get_filters()) == 1
    assert not made.get_filters() and made.get_mask() is None
    stage.save("fx.sent", want)
    # and what is selected of it alone
    image.select_rectangle(REPLACE, 50, 40, 30, 25)
    layer.set_visible(True)
    layer.set_name(titled("fx in part"))
    _, made = upscaled(image, [layer])
    right, bottom = min(right, 80), min(bottom, 65)
    assert (offsets(made), size(made)) == ((50, 40), (2 * (right - 50), 2 * (bottom - 40)))
    assert layer.get_visible()


def effects_masks_and_groups_are_taken_as_they_look(stage) -> None:
    image = new_image(60, 50)
    group = Gimp.GroupLayer.new(image, titled("blurred"))
    assert image.insert_layer(group, None, 0)
    inside = new_layer(image, "inside", 20, 16, at=(-8, 10), parent=group)
    mask = inside.create_mask(Gimp.AddMaskType.WHITE)
    assert inside.add_mask(mask)
    put(mask, bytes([255] * 160 + [0] * 160))
    blur = Gimp.DrawableFilter.new(group, "gegl:gaussian-blur", "")
    group.append_filter(blur)
    hidden = Gimp.DrawableFilter.new(inside, "gegl:dropshadow", "")
    hidden.set_visible(False)
    inside.append_filter(hidden)
    _, made = upscaled(image, [group], canvas="grow")
    assert any(pixels(made, "A u8"))
    # an effect that is hidden changes nothing
    _, made = upscaled(image, [inside])
    assert size(made) == (40, 32) and made.get_mask() is not None


def what_cannot_be_seen_is_refused(stage) -> None:
    image = new_image()
    empty = new_layer(image, "leer")
    put(empty, bytes(48 * 40 * 4))
    half = new_layer(image, "halb")
    put(half, bytes(48 * 20 * 4) + pixels(half)[48 * 20 * 4 :])
    masked = new_layer(image, "maskiert", alpha=False)
    assert masked.add_mask(masked.create_mask(Gimp.AddMaskType.BLACK))
    apart = new_layer(image, "getrennt")
    put(apart, pixels(apart)[: 48 * 20 * 4] + bytes(48 * 20 * 4))
    mask = apart.create_mask(Gimp.AddMaskType.WHITE)
    assert apart.add_mask(mask)
    put(mask, bytes(48 * 20) + bytes([255] * 48 * 20))  # shows where nothing is
    for each in (half, masked, apart):
        each.set_visible(False)
    _refused("scalediff-upscale", image, [empty])
    _refused("scalediff-upscale-in-place", image, [empty])
    _refused("scalediff-upscale-visible", image, [])
    _refused("scalediff-upscale", image, [masked])
    _refused("scalediff-upscale", image, [apart])
    image.select_rectangle(REPLACE, 4, 2, 30, 18)
    _refused("scalediff-upscale", image, [half])
    image.select_rectangle(REPLACE, 4, 2, 30, 19)
    _, made = upscaled(image, [half])
    assert size(made) == (60, 38)
    Gimp.Selection.none(image)
    tall = new_layer(image, "hoch", 8, 150)
    put(tall, bytes(8 * 150 * 4))
    _refused("scalediff-upscale", image, [tall])
    put(tall, bytes(8 * 150 * 4 - 1) + b"\xff")
    upscaled(image, [tall])


def names_are_text_and_no_markup(stage) -> None:
    image = new_image()
    layer = new_layer(image, "<b>fett</b> & 50 %s 100%", 10, 10, at=(30, 30))
    upscaled(image, [layer])
    assert names(image)[0] == "<b>fett</b> & 50 %s 100% 2x"
    image.select_rectangle(REPLACE, 0, 0, 8, 8)
    status, error, _, _ = call("scalediff-upscale", image, [layer])
    assert status == "execution-error" and "'<b>fett</b> & 50 %s 100%" in error, error


def the_canvas_to_begin_with_is_scaled_for_all_of_it_and_kept_for_a_part(stage) -> None:
    file = Path(Gimp.directory()) / "scalediff-upscale.json"
    mode = Gimp.RunMode.INTERACTIVE

    def begun(canvas="", name="scalediff-upscale", **more):
        accept = {"does": "accept", "settings": {"scale": 2.0, "steps": 1}}
        _user(stage, accept | ({"canvas": canvas} if canvas else {}))
        status, error, _, made = call(name, image, [layer], run_mode=mode, **more)
        assert status == "success", error
        image.remove_layer(made)
        notes = json.loads((stage.folder.parent / "notes.json").read_text())["session"]
        return notes["options"]["canvas"]

    file.unlink(missing_ok=True)
    image = new_image()
    layer = new_layer(image, "whole")
    assert begun(canvas="keep") == "scale"
    assert begun(canvas="keep") == "keep"  # as it was chosen
    image.select_rectangle(REPLACE, 4, 4, 10, 10)
    assert begun(canvas="grow") == "keep"
    image.select_rectangle(REPLACE, 0, 0, 96, 80)
    assert begun(canvas="keep") == "scale"
    file.unlink()
    layer.set_offsets(2, 0)
    assert begun() == "keep"


def several_layers_come_back_in_one_run(stage) -> None:
    image = new_image()
    low = new_layer(image, "one", 20, 20, at=(1, 1))
    new_layer(image, "between", 5, 5)
    high = new_layer(image, "two", 16, 12, at=(9, 7), alpha=False)
    _, made = upscaled(image, [high, low])
    assert names(image) == ["two 2x", "two", "between", "one 2x", "one"], names(image)
    above, _, _, below, _ = image.get_layers()
    assert made == above
    assert (offsets(above), size(above)) == ((9, 7), (32, 24)) and not above.has_alpha()
    assert (offsets(below), size(below)) == ((1, 1), (40, 40)) and below.has_alpha()


def several_layers_keep_their_places_in_a_new_image(stage) -> None:
    image = new_image()
    low = new_layer(image, "one", 20, 20, at=(4, 2))
    high = new_layer(image, "two", 16, 12, at=(9, 7))
    made, _ = upscaled(image, [high, low], canvas="new")
    above, below = made.get_layers()
    assert size(made) == (42, 40)
    assert offsets(below) == (0, 0) and offsets(above) == (10, 10)


def the_visible_image_is_taken(stage) -> None:
    image = new_image()
    new_layer(image, "low")
    top = new_layer(image, "top", 20, 20, at=(6, 6), seed=5)
    top.set_opacity(50.0)
    flat = image.duplicate().merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
    stage.save("visible.sent", pixels(flat))
    status, error, _, made = call("scalediff-upscale-visible", image, [top], scale=2.0)
    assert status == "success", error
    assert names(image)[0].endswith(" 2x") and size(made) == (96, 80)
    other, again = upscaled(image, [], source="visible", canvas="new")
    assert size(other) == (96, 80) and again.is_valid()


def an_indexed_image_is_refused_unless_it_may_be_converted(stage) -> None:
    image = new_image()
    layer = new_layer(image, "indexed", alpha=False)
    assert image.convert_indexed(
        Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, ""
    )
    before = fingerprint(image)
    status, error, _, _ = call("scalediff-upscale", image, [layer], scale=2.0)
    assert status == "execution-error" and "indexed" in error, error
    assert fingerprint(image) == before
    made, above = upscaled(image, [layer], canvas="new")
    assert made.get_base_type() == Gimp.ImageBaseType.RGB and size(above) == (96, 80)
    assert fingerprint(image) == before
    stage.save("indexed.sent", pixels(layer, "R'G'B' u8"))
    _, made = upscaled(image, [layer], convert_indexed=True)
    assert image.get_base_type() == Gimp.ImageBaseType.RGB
    assert encoding(made) == "R'G'B' u8" and names(image) == ["indexed 2x", "indexed"]


def an_indexed_layer_with_alpha_keeps_it(stage) -> None:
    image = new_image()
    layer = new_layer(image, "clear")
    assert image.convert_indexed(
        Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, ""
    )
    stage.save("clear.sent", pixels(layer, "R'G'B'A u8"))
    _, made = upscaled(image, [layer], convert_indexed=True)
    assert encoding(made) == "R'G'B'A u8"


def in_place_gives_detail_at_the_same_size(stage) -> None:
    image = new_image()
    layer = new_layer(image, "detail", at=(2, 3))
    image.select_ellipse(REPLACE, 10, 8, 24, 20)
    source = pixels(layer, None, 8, 5, 24, 20)
    status, error, _, made = call("scalediff-upscale-in-place", image, [layer])
    assert status == "success", error
    assert (offsets(made), size(made)) == ((10, 8), (24, 20))
    assert made.get_mask() is not None and names(image) == ["detail in place", "detail"]
    found = pixels(made)
    assert encoding(made) == encoding(layer)
    away = [abs(a - b) for i, (a, b) in enumerate(zip(found, source)) if i % 4 != 3]
    assert 0.3 < sum(away) / len(away) < 40, sum(away) / len(away)
    recipe = json.loads(bytes(made.get_parasite("scalediff-recipe").get_data()))
    assert recipe["settings"]["source_lock"] is False and recipe["settings"]["scale"] == 2.0


def the_arguments_reach_the_engine(stage) -> None:
    image = new_image()
    layer = new_layer(image, "told")
    values = {"prompt": PROMPT, "negative": "буквы", "creativity": 0.25}
    values |= {"structure": 0.5, "seed": 77, "preset": "fast", "scale": 3.0}
    _, made = upscaled(image, [layer], settings='{"steps": 1, "jitter": false}', **values)
    settings = json.loads(bytes(made.get_parasite("scalediff-recipe").get_data()))["settings"]
    assert {name: settings[name] for name in values} == values
    assert settings["steps"] == 1 and settings["jitter"] is False
    assert size(made) == (144, 120)


def wrong_settings_are_refused_with_a_sentence(stage) -> None:
    image = new_image()
    layer = new_layer(image, "wrong")
    before = fingerprint(image)
    for settings, told in (
        ("{", "'settings' is no JSON"),
        ('{"stepps": 3}', "'settings' knows no 'stepps'"),
        ('{"steps": "many"}', "steps is not a whole number"),
        ('{"steps": -1}', "Steps must be between 1"),
    ):
        status, error, _, _ = call("scalediff-upscale", image, [layer], settings=settings)
        assert status == "execution-error" and told in error, (settings, error)
    status, error, _, _ = call("scalediff-upscale", image, [layer], model="nobody/nothing")
    assert status == "execution-error" and "nobody/nothing" in error, error
    assert fingerprint(image) == before


def the_last_values_are_used_again(stage) -> None:
    image = new_image()
    layer = new_layer(image, "again")
    status, error, _, made = call(
        "scalediff-upscale", image, [layer], run_mode=Gimp.RunMode.WITH_LAST_VALS
    )
    assert status == "success", error
    recipe = json.loads(bytes(made.get_parasite("scalediff-recipe").get_data()))
    assert recipe["settings"]["scale"] is not None


def a_repeat_without_anything_before_says_so(stage) -> None:
    for name in ("upscale", "upscale-visible", "upscale-in-place"):
        (Path(Gimp.directory()) / f"scalediff-{name}.json").unlink(missing_ok=True)
    image = new_image()
    layer = new_layer(image, "nothing")
    status, error, _, _ = call("scalediff-repeat", image, [layer])
    assert status == "execution-error" and "Nothing was upscaled yet" in error, error


def a_recent_result_needs_a_user(stage) -> None:
    image = new_image()
    layer = new_layer(image, "alone")
    status, error, _, _ = call("scalediff-recent", image, [layer])
    assert status == "execution-error" and "interactively" in error, error


def by_dialog_the_canvas_and_the_settings_are_the_users(stage) -> None:
    image = new_image()
    layer = new_layer(image, "asked", 20, 20, at=(5, 5))
    other = new_layer(image, "follows", 12, 10)
    settings = {"does": "accept", "canvas": "grow"}
    settings["settings"] = {"scale": 3.0, "steps": 1, "seed": 9, "prompt": PROMPT}
    _user(stage, settings)
    mode = Gimp.RunMode.INTERACTIVE
    status, error, _, made = call("scalediff-upscale", image, [layer, other], run_mode=mode)
    assert status == "success", error
    assert names(image) == ["follows 3x", "follows", "asked 3x", "asked"], names(image)
    assert size(image) == (65, 65) and size(made) == (60, 60)
    notes = json.loads((stage.folder.parent / "notes.json").read_text())["session"]
    assert notes["host"] == "gimp" and notes["title"] == titled("asked")
    assert notes["options"]["canvas_choices"] == "keep,grow,scale,new"
    assert notes["options"]["language"] == "en" or notes["options"]["language"] == "c"
    # and again without the dialog
    single = new_layer(image, "repeated", 10, 10)
    status, error, _, made = call("scalediff-repeat", image, [single])
    assert status == "success", error
    assert short(made) == "repeated 3x" and size(made) == (30, 30)
    recipe = json.loads(bytes(made.get_parasite("scalediff-recipe").get_data()))
    assert recipe["settings"]["seed"] == 9 and recipe["settings"]["prompt"] == PROMPT


def the_last_values_are_those_of_the_dialog(stage) -> None:
    image = new_image()
    layer = new_layer(image, "last", 12, 10)
    status, error, _, made = call(
        "scalediff-upscale",
        image,
        [layer],
        run_mode=Gimp.RunMode.WITH_LAST_VALS,
    )
    assert status == "success", error
    assert size(made) == (36, 30), size(made)


def the_visible_image_by_dialog_is_repeated_as_such(stage) -> None:
    image = new_image()
    layer = new_layer(image, "seen", 20, 16, at=(4, 4))
    settings = {"scale": 2.0, "steps": 1, "seed": 5}
    _user(stage, {"does": "accept", "canvas": "keep", "settings": settings})
    for mode, name in (
        (Gimp.RunMode.INTERACTIVE, "scalediff-upscale-visible"),
        (Gimp.RunMode.WITH_LAST_VALS, "scalediff-upscale-visible"),
        (Gimp.RunMode.NONINTERACTIVE, "scalediff-repeat"),
    ):
        status, error, _, made = call(name, image, [layer], run_mode=mode)
        assert status == "success", (name, error)
        assert made.get_name().startswith("Visible image 2x") and size(made) == (96, 80)
        assert json.loads(_recipe(made))["settings"]["seed"] == 5
        image.remove_layer(made)


def in_place_by_dialog_is_repeated_as_such(stage) -> None:
    image = new_image()
    layer = new_layer(image, "same", 20, 16, at=(4, 4))
    _user(stage, {"does": "accept", "settings": {"scale": 3.0, "steps": 1, "seed": 6}})
    for mode, name in (
        (Gimp.RunMode.INTERACTIVE, "scalediff-upscale-in-place"),
        (Gimp.RunMode.WITH_LAST_VALS, "scalediff-upscale-in-place"),
        (Gimp.RunMode.NONINTERACTIVE, "scalediff-repeat"),
    ):
        status, error, _, made = call(name, image, [layer], run_mode=mode)
        assert status == "success", (name, error)
        assert (offsets(made), size(made)) == ((4, 4), (20, 16))
        settings = json.loads(_recipe(made))["settings"]
        assert (settings["seed"], settings["scale"], settings["source_lock"]) == (6, 3.0, False)


def in_place_with_the_fast_method_is_repeated(stage) -> None:
    image = new_image()
    low = new_layer(image, "low", 20, 16, at=(4, 4))
    high = new_layer(image, "high", 20, 16)
    _user(stage, {"does": "accept", "settings": {"scale": 2.0, "method": "fast"}})
    for mode, name in (
        (Gimp.RunMode.INTERACTIVE, "scalediff-upscale-in-place"),
        (Gimp.RunMode.NONINTERACTIVE, "scalediff-repeat"),
    ):
        status, error, _, made = call(name, image, [high, low], run_mode=mode)
        assert status == "success", (name, error)
        assert (offsets(made), size(made)) == ((0, 0), (20, 16))
        assert json.loads(_recipe(made))["settings"]["method"] == "fast"


def a_repeat_takes_what_is_there_now(stage) -> None:
    image = new_image()
    layer = new_layer(image, "again")
    _user(stage, {"does": "accept", "settings": {"scale": 2.0, "steps": 1}})
    status, error, _, first = call(
        "scalediff-upscale", image, [layer], run_mode=Gimp.RunMode.INTERACTIVE
    )
    assert status == "success", error
    assert size(image) == size(first) == (96, 80)  # scaled, as all of the canvas was taken
    for change, at, scaled in (
        (lambda: layer.set_offsets(-7, 9), (-7, 9), False),
        (lambda: image.resize(200, 160, 20, 10), (13, 19), False),
        (lambda: image.scale(100, 80), (6, 10), False),
        (lambda: layer.resize_to_image_size(), (0, 0), True),
    ):
        assert change()
        was, canvas = size(layer), size(image)
        status, error, _, made = call("scalediff-repeat", image, [layer])
        assert status == "success", error
        assert size(made) == (2 * was[0], 2 * was[1]), (at, size(made))
        assert abs(offsets(made)[0] - at[0]) < 2 and abs(offsets(made)[1] - at[1]) < 2, at
        assert (size(image) != canvas) == scaled
        image.remove_layer(made)


def a_dialog_that_is_discarded_changes_nothing(stage) -> None:
    image = new_image()
    layer = new_layer(image, "unwanted")
    before = fingerprint(image)
    for does in ("discard", "give-up", "background"):
        _user(stage, {"does": does, "settings": {"scale": 2.0, "steps": 1}})
        mode = Gimp.RunMode.INTERACTIVE
        status, error, _, _ = call("scalediff-upscale", image, [layer], run_mode=mode)
        assert status == "cancel", (does, status, error)
        assert fingerprint(image) == before


def a_dialog_that_crashes_says_so(stage) -> None:
    image = new_image()
    layer = new_layer(image, "crash")
    before = fingerprint(image)
    _user(stage, {"does": "crash"})
    mode = Gimp.RunMode.INTERACTIVE
    status, error, _, _ = call("scalediff-upscale", image, [layer], run_mode=mode)
    assert status == "execution-error" and "dialog" in error, (status, error)
    assert fingerprint(image) == before


def a_recent_result_comes_in_with_its_own_colours(stage) -> None:
    wide = Gimp.ColorProfile.new_rgb_adobe()
    image = new_image(precision="U16_LINEAR", profile=wide)
    layer = new_layer(image, "earlier", 20, 16)
    upscaled(image, [layer], settings=FAST)
    want = pixels(image.get_layers()[0], "R'G'B'A float")
    other = new_image(precision="FLOAT_NON_LINEAR")
    below = new_layer(other, "below", 10, 10)
    _user(stage, {"does": "accept"})
    mode = Gimp.RunMode.INTERACTIVE
    status, error, _, made = call("scalediff-recent", other, [below], run_mode=mode)
    assert status == "success", error
    assert names(other) == ["earlier 2x", "below"]
    found = pixels(made, "R'G'B'A float")
    away = max(
        abs(a - b) for a, b in zip(struct.unpack(f"<{len(found) // 4}f", found), _floats(want))
    )
    assert away < 2e-3, away
    assert made.get_parasite("scalediff-recipe") is not None


def a_recent_result_without_an_image_becomes_one(stage) -> None:
    image = new_image(precision="U16_LINEAR", profile=Gimp.ColorProfile.new_rgb_adobe())
    layer = new_layer(image, "orphan", 20, 16)
    upscaled(image, [layer])
    want = pixels(image.get_layers()[0])
    image.delete()
    _user(stage, {"does": "accept"})
    mode = Gimp.RunMode.INTERACTIVE
    status, error, made, above = call("scalediff-recent", None, [], run_mode=mode)
    assert status == "success", error
    assert (size(made), size(above)) == ((40, 32), (40, 32))
    assert made.get_color_profile().is_linear()
    assert encoding(above) == "R'G'B'A u16"
    assert pixels(above) == want


def in_place_by_dialog_asks_for_no_canvas(stage) -> None:
    image = new_image()
    layer = new_layer(image, "placed")
    _user(stage, {"does": "accept"})
    mode = Gimp.RunMode.INTERACTIVE
    status, error, _, made = call("scalediff-upscale-in-place", image, [layer], run_mode=mode)
    assert status == "success", error
    assert (size(made), size(image)) == ((48, 40), (48, 40))
    session = json.loads((stage.folder.parent / "notes.json").read_text())["session"]
    assert "canvas_choices" not in session["options"]
    assert session["settings"]["source_lock"] is False


def all_is_kept_in_a_file(stage) -> None:
    image = new_image(precision="FLOAT_LINEAR")
    layer = new_layer(image, "kept", 20, 16, at=(5, 6))
    image.select_ellipse(REPLACE, 8, 8, 14, 12)
    Gimp.Selection.feather(image, 2)
    _, made = upscaled(image, [layer])
    kept = reloaded(image, stage.folder)
    above, _ = kept.get_layers()
    assert (offsets(above), size(above)) == (offsets(made), size(made))
    assert pixels(above) == pixels(made)
    assert pixels(above.get_mask()) == pixels(made.get_mask())
    assert own_format(above.get_mask()) == own_format(made.get_mask())
    assert above.get_parasite("scalediff-recipe") is not None


def _recipe(layer) -> str:
    return bytes(layer.get_parasite("scalediff-recipe").get_data()).decode()


def _refused(name, image, layers) -> None:
    before = fingerprint(image)
    status, error, _, _ = call(name, image, layers)
    assert status == "execution-error" and "can be seen there" in error, (status, error)
    assert fingerprint(image) == before


def _shadow(layer) -> None:
    shadow = Gimp.DrawableFilter.new(layer, "gegl:dropshadow", "")
    shadow.get_config().set_property("x", 12.0)
    shadow.get_config().set_property("y", 10.0)
    shadow.get_config().set_property("radius", 3.0)
    shadow.update()
    layer.append_filter(shadow)


def _members(kind):
    return [value for value in vars(kind).values() if isinstance(value, kind)]


def _seen(image):
    seen = Gimp.Layer.new_from_visible(image, image, "seen")
    found = pixels(seen, "R'G'B' u8")
    seen.delete()
    return found


def _away(one, other) -> float:
    return sum(abs(a - b) for a, b in zip(one, other)) / len(one)


def _user(stage, says) -> None:
    (stage.folder.parent / "user.json").write_text(json.dumps(says))


def _floats(data):
    return struct.unpack(f"<{len(data) // 4}f", data)
