"""Every precision, model and kind of profile, through the engine, into a file and back."""

import json

from gi.repository import Gimp

from kit import (
    encoding,
    new_image,
    new_layer,
    offsets,
    pixels,
    reloaded,
    short,
    size,
    upscaled,
)


def main(here) -> None:
    for case in json.loads((here.folder / "cases.json").read_text()):
        play(here, case)


def play(here, case) -> None:
    name = case["name"]
    profile = wide_gamut(case["base"]) if case["wide"] else None
    image = new_image(base=case["base"], precision=case["precision"], profile=profile)
    source = new_layer(image, name, alpha=case["alpha"])
    here.save(f"{name}.sent", pixels(source))
    here.save(f"{name}.seen", pixels(source, "R'G'B' float"))
    before = bytes(image.get_effective_color_profile().get_icc_profile())
    made, layer = upscaled(image, [source])
    here.save(f"{name}.made", pixels(layer))
    kept = reloaded(made, here.folder)
    above, below = kept.get_layers()
    here.save(f"{name}.kept", pixels(above))
    here.save(f"{name}.source", pixels(below))
    after = bytes(kept.get_effective_color_profile().get_icc_profile())
    here.tell(
        name,
        same_image=made.get_id() == image.get_id(),
        encodings=[encoding(each) for each in (source, layer, above)],
        formats_agree=source.get_format() is not None and Gimp.Image.get_precision(kept).value_nick,
        offsets=offsets(above),
        size=size(above),
        layer_name=short(above),
        recipe=bytes(above.get_parasite("scalediff-recipe").get_data()).decode(),
        profile_kept=before == after,
    )
    kept.delete()
    image.delete()


def wide_gamut(base):
    if base == "GRAY":
        return Gimp.ColorProfile.new_d50_gray_lab_trc()
    return Gimp.ColorProfile.new_rgb_adobe()
