"""What can be said of a model family without loading it.

``FamilySpec`` is one architecture; ``FamilyFacts`` are the numbers of one trained form of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.spec.checkpoint import (
    Checkpoint,
    FileContents,
    FolderContents,
    LoraContents,
    Part,
    Recognition,
    Variant,
)
from scalediff_engine.spec.footprint import Footprint


@dataclass(frozen=True)
class StageDefaults:
    """How one stage of denoising runs unless the user says otherwise.

    Attributes:
        t_start: noise level to start from, of ``FamilyFacts.train_timesteps``
        steps: model evaluations from there to a clean latent
        guidance: classifier-free guidance scale; 1 = none
    """

    t_start: int
    steps: int
    guidance: float


@dataclass(frozen=True)
class PresetSteps:
    """What a preset makes of a family's defaults; None leaves one as it is.

    Attributes:
        steps: of each stage
        base_steps: of a picture made from noise
        guides_always: classifier-free guidance at every noise level
    """

    steps: int | None = None
    base_steps: int | None = None
    guides_always: bool = False


@dataclass(frozen=True)
class FamilyFacts:
    """The numbers of one trained form of a family.

    Attributes:
        name: what ``--model`` takes
        title: for people
        native: pixels that the model was trained at
        latent_factor: pixels to a latent, per side
        multiple: pictures are padded to multiples of this, in pixels; one number, or one per axis
        train_timesteps: length of the training schedule
        stage_table: defaults for one stage, for two stages, ...; longer runs repeat the last entry
            of the longest row
        t_start_limit: what creativity 1 means, in timesteps
        default_creativity: the creativity that gives ``stage_table`` as it stands
        mixing_lowpass: low-pass factor c of Latent Frequency Mixing
        guidance_lowpass: low-pass factor c of Structure Guidance
        default_prompt: names quality and material and never a subject
        footprint: for the plan's bytes and seconds
        guided_sigmas: sigma / alpha from which and up to which classifier-free guidance is
            applied; None = the family takes its guidance as a number, or has none
        base: how a picture of the native size is made from noise; None = the family only enlarges
        renoises: a picture made from noise gets fresh noise after each step, as consistency models
            were trained for, instead of what is left of the first
        default_negative: what a picture must not show unless the user says otherwise
        fast, best: what the presets of these names change
        group_norms: whether the denoiser normalises over all of a picture, so that a part of it
            depends on what is elsewhere
        begins_with_network: the denoiser was trained on pictures that the fast network enlarged, so
            that each stage is to begin with one, and not with a bicubic enlargement
        latent_channels: of the autoencoder; how the denoiser packs them is its model's affair
        prompt_words: lower-case words that have a meaning in a prompt; None = there is a text
            encoder, and any word has
    """

    name: str
    title: str
    native: Size
    latent_factor: int
    multiple: int | Size
    train_timesteps: int
    stage_table: tuple[tuple[StageDefaults, ...], ...]
    t_start_limit: int
    default_creativity: float
    mixing_lowpass: float
    guidance_lowpass: float
    default_prompt: str
    footprint: Footprint
    guided_sigmas: tuple[float, float] | None = (0.0, math.inf)
    base: StageDefaults | None = None
    renoises: bool = False
    default_negative: str = ""
    fast: PresetSteps = PresetSteps()
    best: PresetSteps = PresetSteps()
    group_norms: bool = True
    begins_with_network: bool = False
    latent_channels: int = 4
    prompt_words: frozenset[str] | None = None

    @property
    def multiples(self) -> Size:
        """What pictures are padded to multiples of, per axis."""
        return Size.of_both(self.multiple)

    def stage_defaults(self, count: int) -> tuple[StageDefaults, ...]:
        """Give the defaults of each of ``count`` stages."""
        row = self.stage_table[min(count, len(self.stage_table)) - 1]
        return row + row[-1:] * (count - len(row))

    def t_start(self, default: int, creativity: float) -> int:
        """Map creativity 0..1 to a timestep: 0 keeps, the default gives ``default``, 1 the limit.

        Raises:
            UsageError: creativity outside 0..1.
        """
        if not 0 <= creativity <= 1:
            raise UsageError(f"Creativity must be between 0 and 1 (got {creativity:g}).")
        pivot = self.default_creativity
        if creativity <= pivot:
            # only 0 itself keeps the picture: rounding must not switch a stage off
            return max(round(default * creativity / pivot), 1 if creativity else 0)
        limit = max(default, self.t_start_limit)
        return round(default + (limit - default) * (creativity - pivot) / (1 - pivot))


@dataclass(frozen=True)
class ShippedTokenizer:
    """How one tokenizer of a pipeline is made.

    Attributes:
        name: the pipeline's word for it
        class_name: in transformers
        folder: where its vocabulary is
        pad_token: what fills up a short prompt
        max_length: in tokens
    """

    name: Literal["tokenizer", "tokenizer_2"]
    class_name: str
    folder: Path
    pad_token: str
    max_length: int


@dataclass(frozen=True)
class ShippedSettings:
    """What a single file does not say of a model, and ships with the program.

    Attributes:
        folder: the settings in the layout of diffusers, without weights and vocabularies
        tokenizers: in the pipeline's order
        prompt_shape: what the text encoders give: tokens, channels, channels of the whole prompt
    """

    folder: Path
    tokenizers: tuple[ShippedTokenizer, ...]
    prompt_shape: tuple[int, int, int]


@dataclass(frozen=True)
class CatalogEntry:
    """A model that can be downloaded.

    Attributes:
        name: of the form, as ``--model`` takes it
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


@dataclass(frozen=True)
class Catalog:
    """Where a family's models are on the Hugging Face hub.

    Attributes:
        entries: that can be downloaded
        aliases: what ``--model`` takes, to names on the hub; the first is what to download, the
            others are as good where they are there already
        gated: how the names of repositories begin whose licence must be accepted first
        duplicates: files of a repository that hold the same weights once more, by its name
        licences: of models from elsewhere, by how the names of their repositories begin
    """

    entries: tuple[CatalogEntry, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    gated: tuple[str, ...] = ()
    duplicates: Mapping[str, str] = field(default_factory=dict[str, str])
    licences: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, eq=False)
class FamilySpec:
    """One architecture: what everything outside of its folder knows of it.

    Attributes:
        name: what checkpoints and LoRAs say that they are of
        title: for people
        forms: its trained forms; the first stands for the family
        loader: "module:attribute", imported when a model is loaded: a
            ``models.components.FamilyLoader``, or for a model that comes with the program a
            function of facts and device
        denoiser: the network that runs at every step; None = all of it comes with the program
        text_encoders: each has a tokenizer of the same number
        prefixes: how the names of these and of the autoencoder may begin in a single file
        pipelines: classes of diffusers that run it
        pipeline_start: how the names of these and of relatives with the same text encoders begin,
            where no other family's do
        shipped: settings for single files by variant; the first serves all others
        vae_safe_in_float16: whether the family's autoencoder stays finite in float16
        facts_of: the facts of a checkpoint and the variant that LoRAs make of it
        recognize_file, recognize_folder: say what it is, None where it is of another family; raise
            ``ModelError`` for a relative that does not run
        recognizes_lora: whether the shapes of a LoRA's layers are this family's
        lora_words: in a LoRA's description, where shapes say nothing
        title_words: what base models are called in titles, a regular expression of lower case
        claims: marks in ``store.unsupported`` that are this family's
        relatives: (part of a tensor's name, what such a file is) of models that do not run
        catalog: where to download it
        licence: of weights that come with the program
    """

    name: str
    title: str
    forms: tuple[FamilyFacts, ...]
    loader: str
    facts_of: Callable[[Checkpoint, Variant], FamilyFacts]
    denoiser: Part | None = None
    text_encoders: tuple[Part, ...] = ()
    prefixes: Mapping[Part, tuple[str, ...]] = field(default_factory=dict[Part, tuple[str, ...]])
    pipelines: frozenset[str] = frozenset()
    pipeline_start: str = ""
    shipped: Mapping[Variant, ShippedSettings] = field(
        default_factory=dict[Variant, ShippedSettings]
    )
    vae_safe_in_float16: bool = False
    recognize_file: Callable[[FileContents], Recognition | None] = lambda _: None
    recognize_folder: Callable[[FolderContents], Recognition | None] = lambda _: None
    recognizes_lora: Callable[[LoraContents], bool] = lambda _: False
    lora_words: tuple[str, ...] = ()
    title_words: str = ""
    claims: tuple[str, ...] = ()
    relatives: tuple[tuple[str, str], ...] = ()
    catalog: Catalog = Catalog()
    licence: str = ""

    @property
    def comes_with_program(self) -> bool:
        """Whether its weights ship, so that there is nothing to find or to download."""
        return self.denoiser is None

    @property
    def parts(self) -> tuple[Part, ...]:
        """All networks that a whole model has, by diffusers' names."""
        return () if self.denoiser is None else (self.denoiser, "vae", *self.text_encoders)

    def settings(self, variant: Variant = "base") -> ShippedSettings:
        """Give the settings that ship for a variant."""
        return self.shipped.get(variant) or next(iter(self.shipped.values()))

    def load(self) -> Any:  # noqa: ANN401 - what it is lies in packages above this one
        """Import what loads models of this family."""
        module, _, attribute = self.loader.partition(":")
        return getattr(import_module(module), attribute)


Families = tuple[FamilySpec, ...]


def family_named(name: str, families: Sequence[FamilySpec]) -> FamilySpec:
    """Give the family of a checkpoint, which was recognised by one of ``families``."""
    return next(family for family in families if family.name == name)


def lacks_parts(checkpoint: Checkpoint, family: FamilySpec) -> bool:
    """Whether a model holds only some of its family's parts."""
    return not checkpoint.parts.issuperset(family.parts)
