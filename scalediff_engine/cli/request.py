"""What the program was asked for, checked as far as words alone can be."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.naming import Destination
from scalediff_engine.client.batches import Existing
from scalediff_engine.planning.plan import MAX_SCALE, target_size
from scalediff_engine.planning.settings import Settings
from scalediff_engine.planning.settings_parsing import DEFAULT_SCALE, ModelChoice

# On the command line: standard input or standard output.
STREAM = Path("-")


class Sides(NamedTuple):
    """Width and height in pixels, of which one may be open."""

    width: int | None
    height: int | None

    def size_for(self, source: Size) -> Size:
        """Return the size of a result; an open side follows from the proportions of ``source``."""
        width, height = self
        if width is None:
            assert height is not None  # the parser saw to it
            width = max(1, round(source.width * height / source.height))
        if height is None:
            height = max(1, round(source.height * width / source.width))
        return Size(width, height)


@dataclass(frozen=True)
class Enlargement:
    """A factor, a size, or neither: then the usual factor.

    Attributes:
        scale: of ``--scale``
        size: of ``--size``, in pixels
        factor: of ``--size``, as a percentage

    Raises:
        UsageError: both options, or a factor out of range.
    """

    scale: float | None = None
    size: Sides | None = None
    factor: float | None = None

    def __post_init__(self) -> None:
        if self.scale is not None and (self.size is not None or self.factor is not None):
            raise UsageError("--scale and --size cannot be used together.")
        if self.scale is not None and not 1 <= self.scale <= MAX_SCALE:
            raise UsageError(f"--scale must be between 1 and {MAX_SCALE:g} (got {self.scale:g}).")

    def target(self, source: Size) -> Size:
        """Give the size of the result of a picture.

        Raises:
            UsageError: smaller than the picture, or absurdly large.
        """
        if self.size is not None:
            return target_size(source, size=self.size.size_for(source))
        return target_size(source, scale=self.scale or self.factor or DEFAULT_SCALE)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What every kind of work is told.

    Attributes:
        file: the one output file; None = the destination names the results
        destination: where results go and what they are
        strip: write neither metadata nor a recipe
        max_memory_bytes: limit that the user set, or None
        dry_run: plan only
        fail_fast: stop at the first file that fails

    Raises:
        UsageError: ``file`` together with a folder, or a quality out of range.
    """

    file: Path | None = None
    destination: Destination = field(default_factory=lambda: Destination(existing=Existing.KEEP))
    strip: bool = False
    settings: Settings = field(default_factory=Settings)
    model: ModelChoice = field(default_factory=ModelChoice)
    max_memory_bytes: int | None = None
    dry_run: bool = False
    fail_fast: bool = False

    def __post_init__(self) -> None:
        if self.file is not None and self.destination.folder:
            raise UsageError(
                "--output (a file) and --output-dir (a folder) cannot be used together."
            )
        quality = self.destination.quality
        if quality is not None and not 1 <= quality <= 100:
            raise UsageError(f"--quality must be between 1 and 100 (got {quality}).")


@dataclass(frozen=True)
class UpscaleRequest(Request):
    """What is to be enlarged, and how much.

    Attributes:
        inputs: files and folders, in the order of the command line
        recursive: look into the folders of folders

    Raises:
        UsageError: one file for several inputs.
    """

    inputs: tuple[Path, ...]
    enlargement: Enlargement = field(default_factory=Enlargement)
    recursive: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.file is not None and len(self.inputs) > 1:
            raise UsageError(
                f"--output names one file, but there are {len(self.inputs)} inputs; "
                "--output-dir takes a folder."
            )


@dataclass(frozen=True)
class GenerateRequest(Request):
    """A new picture of this size; the prompt is in the settings.

    Raises:
        UsageError: no model was named, and the one that ships cannot do it.
    """

    size: Size

    def __post_init__(self) -> None:
        super().__post_init__()
        assert self.file is not None  # the command has no other way to say it
        if not self.model.name:
            raise UsageError(
                "Say --model: the model that comes with the program only enlarges. It takes a "
                ".safetensors file, a folder or a name of the Hugging Face hub; `scalediff models` "
                "lists which run."
            )


def existing_from_flags(*, overwrite: bool, skip_existing: bool) -> Existing:
    """Turn the two flags into one answer.

    Raises:
        UsageError: both.
    """
    if overwrite and skip_existing:
        raise UsageError("--overwrite and --skip-existing cannot be used together.")
    if overwrite:
        return Existing.REPLACE
    return Existing.SKIP if skip_existing else Existing.KEEP
