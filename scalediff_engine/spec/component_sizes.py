"""What parts the families' models are made of."""

from __future__ import annotations

from typing import NamedTuple

from scalediff_engine.spec.checkpoint import Checkpoint, Family, Part


class Anatomy(NamedTuple):
    """A family's parts, by diffusers' names for them.

    Attributes:
        denoiser: the network that runs at every step
        text_encoders: each has a tokenizer of the same number
    """

    denoiser: Part
    text_encoders: tuple[Part, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        """All that have weights."""
        return (self.denoiser, "vae", *self.text_encoders)


_SD = Anatomy("unet", ("text_encoder",))
ANATOMY: dict[Family, Anatomy] = {
    "sd15": _SD,
    "sd21": _SD,
    "sdxl": Anatomy("unet", ("text_encoder", "text_encoder_2")),
    "flux": Anatomy("transformer", ("text_encoder", "text_encoder_2")),
}

# For people: what a part is called in a sentence.
TITLES = {
    "unet": "U-Net",
    "transformer": "transformer",
    "vae": "autoencoder",
    "text_encoder": "text encoder",
    "text_encoder_2": "second text encoder",
    "tokenizer": "tokenizer",
    "tokenizer_2": "second tokenizer",
    "scheduler": "scheduler configuration",
}


def lacks_parts(checkpoint: Checkpoint) -> bool:
    """Whether a model holds only some of its family's parts."""
    return not checkpoint.parts.issuperset(ANATOMY[checkpoint.family].parts)
