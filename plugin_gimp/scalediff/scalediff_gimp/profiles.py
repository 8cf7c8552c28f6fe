"""The profile that describes the samples of an image as they are."""

from __future__ import annotations

from gi.repository import Gimp

from .checked import Complaint, must
from .formats import Curve


def profile_of(image: Gimp.Image, curve: Curve) -> bytes:
    """Give the ICC profile of an image's samples.

    An image keeps one profile through all precisions. It gives the primaries, but only where the
    samples follow its curve does it describe them: linear and perceptual ones need a profile of
    the same primaries with another curve.

    Args:
        image: of GIMP
        curve: of its samples

    Raises:
        Complaint: there is no such profile, which is so for those made of tables.
    """
    profile = must(image.get_effective_color_profile(), "The image's profile cannot be read")
    if curve is Curve.PROFILE or (curve is Curve.LINEAR and profile.is_linear()):
        return bytes(profile.get_icc_profile())
    make = (
        Gimp.ColorProfile.new_linear_from_color_profile
        if curve is Curve.LINEAR
        else Gimp.ColorProfile.new_srgb_trc_from_color_profile
    )
    matching = make(profile)
    if matching is None:
        raise Complaint(
            "The profile '{name}' is made of tables and has no linear form. "
            "Choose Image > Precision > Gamma, or convert the image to another profile.",
            name=profile.get_label(),
        )
    return bytes(matching.get_icc_profile())
