"""The real rooms behind the protocols of ``workshop``; anything heavy waits for ``load``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scalediff_engine.base.geometry import Size
from scalediff_engine.cli.pipes import Pipes, is_stream
from scalediff_engine.cli.request import STREAM
from scalediff_engine.cli.workshop import Maker
from scalediff_engine.families import registry as families
from scalediff_engine.images import reader
from scalediff_engine.images.atomic import write_whole
from scalediff_engine.images.folders import make_folder
from scalediff_engine.images.formats import format_for, is_picture
from scalediff_engine.images.recipe import read_recipe
from scalediff_engine.images.writer import encode_picture
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.settings import Method, Settings
from scalediff_engine.planning.wishes import ModelChoice
from scalediff_engine.store.locate import locate

if TYPE_CHECKING:
    from scalediff_engine.images.picture import Picture
    from scalediff_engine.planning.progress import ProgressCallback


@dataclass(frozen=True)
class FileShelf:
    """Real files, and what comes through pipes."""

    pipes: Pipes

    def is_picture(self, path: Path) -> bool:
        """See ``Shelf``."""
        return is_picture(path)

    def size(self, path: Path) -> Size:
        """See ``Shelf``."""
        with self.pipes.named(path) as file:
            return reader.probe(file).size

    def has_recipe(self, path: Path) -> bool:
        """See ``Shelf``."""
        return not is_stream(path) and read_recipe(path) is not None


@dataclass(frozen=True)
class ModelBench:
    """Real files and models.

    Attributes:
        pipes: streams among the files
        memory_bytes: that a device's memory may be used of; None = what is free
    """

    pipes: Pipes
    memory_bytes: int | None = None

    def read(self, path: Path) -> tuple[Picture, tuple[str, ...]]:
        """See ``Bench``."""
        with self.pipes.named(path) as file:
            loaded = reader.load(file)
        return loaded.picture, loaded.notes

    def load(self, model: ModelChoice, settings: Settings) -> Maker:
        """See ``Bench``."""
        if settings.method is Method.FAST:
            return _fast_maker(settings)
        from scalediff_engine.models.device import cap_memory, forget_peak, peak_bytes
        from scalediff_engine.pipeline.generate import generate
        from scalediff_engine.pipeline.upscale import upscale
        from scalediff_engine.planning.recipe import make_recipe

        rest = None if model.text_encoders_from is None else locate(model.text_encoders_from)
        loaded = families.load(model.name, model.device, model.loras, rest)
        cap_memory(loaded.device, self.memory_bytes)

        def make(
            picture: Picture | None, plan: Plan, on_progress: ProgressCallback
        ) -> tuple[Picture, str]:
            forget_peak(loaded.device)
            if picture is None:
                result = generate(plan, settings, loaded, on_progress)
            else:
                result = upscale(picture, plan, settings, loaded, on_progress)
            return result, make_recipe(plan, settings, loaded, model.loras)

        return Maker(str(loaded.device), make, loaded.notes, lambda: peak_bytes(loaded.device))

    def encode(
        self, picture: Picture, path: Path, *, quality: int | None, recipe: str | None
    ) -> tuple[bytes, tuple[str, ...]]:
        """See ``Bench``."""
        form = self.pipes.output_format if path == STREAM else format_for(path)
        encoded = encode_picture(picture, form, quality=quality, recipe=recipe)
        return encoded.data, encoded.notes

    def save(self, data: bytes, path: Path, *, overwrite: bool) -> None:
        """See ``Bench``."""
        if path == STREAM:
            self.pipes.write(data)
            return
        make_folder(path)
        write_whole(path, data, overwrite=overwrite)


def _fast_maker(settings: Settings) -> Maker:
    """Give what needs no model, and no torch either."""
    from scalediff_engine.pipeline.upscale_fast import upscale_by_networks
    from scalediff_engine.planning.recipe import make_fast_recipe

    def make(
        picture: Picture | None, plan: Plan, on_progress: ProgressCallback
    ) -> tuple[Picture, str]:
        assert picture is not None  # only upscales have a choice of methods
        result = upscale_by_networks(picture, plan, on_progress)
        return result, make_fast_recipe(plan, settings)

    return Maker("cpu", make)
