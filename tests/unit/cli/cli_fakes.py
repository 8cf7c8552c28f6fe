"""Stand-ins for files and models behind the command line, scriptable file by file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scalediff_engine.base.errors import ScaleDiffError
from scalediff_engine.base.geometry import Size
from scalediff_engine.cli.batch import LoadedModel
from scalediff_engine.cli.events import Event
from scalediff_engine.cli.pipes import Pipes
from scalediff_engine.cli.request import Request
from scalediff_engine.images.formats import Format, Loaded, Probe
from scalediff_engine.images.picture import ColourModel, Depth, Metadata, Picture
from scalediff_engine.images.recipe import with_recipe
from scalediff_engine.images.writer import Encoded
from scalediff_engine.planning.progress import Phase, Progress
from scalediff_engine.spec.family import FamilyFacts, StageDefaults
from scalediff_engine.spec.footprint import GIB, Footprint

FACTS = FamilyFacts(
    name="toy",
    title="Toy",
    native=Size(64, 64),
    latent_factor=4,
    multiple=16,
    train_timesteps=1000,
    stage_table=((StageDefaults(100, 4, 2.0),), (StageDefaults(100, 4, 2.0),) * 2),
    t_start_limit=300,
    default_creativity=0.5,
    mixing_lowpass=0.125,
    guidance_lowpass=0.25,
    default_prompt="",
    footprint=Footprint(GIB, 1000, 100.0, 50.0, 60.0),
)


class FakePipes(Pipes):
    """Files without pixels: sizes and recipes by name, 40x30 and no recipe otherwise."""

    def __init__(
        self,
        sizes: Mapping[str, Size | ScaleDiffError] | None = None,
        recipes: Iterable[str] = (),
    ) -> None:
        super().__init__(sys.stdout)
        self.sizes = sizes or {}
        self.recipes = frozenset(recipes)
        self.probed: list[str] = []

    def probe(self, path: Path) -> Probe:
        self.probed.append(path.name)
        found = self.sizes.get(path.name, Size(40, 30))
        if isinstance(found, ScaleDiffError):
            raise found
        xmp = with_recipe(None, "{}")[0] if path.name in self.recipes else None
        return Probe(found, Depth.U8, ColourModel.RGB, has_alpha=False, format_name="PNG", xmp=xmp)


class FakeWork(FakePipes):
    """A model and files that do what the script says; a result's file holds its recipe."""

    def __init__(
        self,
        *,
        on_read: Callable[[Path], None] = lambda _: None,
        on_load: Callable[[], None] = lambda: None,
        on_step: Callable[[int], None] = lambda _: None,
        on_encode: Callable[[Picture], None] = lambda _: None,
        on_save: Callable[[Path], None] = lambda _: None,
        seconds_left: Callable[[int], float | None] = lambda _: None,
        notes: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]] = ((), (), ()),
        steps: int = 3,
    ) -> None:
        super().__init__()
        self.on_read, self.on_load, self.on_step = on_read, on_load, on_step
        self.on_encode, self.on_save = on_encode, on_save
        self.seconds_left = seconds_left
        self.read_notes, self.model_notes, self.write_notes = notes
        self.steps = steps
        self.calls: list[str] = []
        self.written: list[tuple[Picture, str | None]] = []

    def load(self, path: Path) -> Loaded:
        self.calls.append(f"read {path.name}")
        self.on_read(path)
        picture = Picture(np.zeros((2, 2, 3), np.float32), metadata=Metadata(exif=b"MM"))
        return Loaded(picture, "PNG", self.read_notes)

    def save(self, data: bytes, path: Path, *, overwrite: bool) -> None:
        self.calls.append(f"save {path.name}")
        self.on_save(path)
        path.write_bytes(data)

    def load_model(self, _: Request) -> LoadedModel:
        self.calls.append("load")
        self.on_load()

        def make(picture: Picture | None, plan: Any, on_progress: Any) -> tuple[Picture, str]:
            for step in range(self.steps + 1):
                self.on_step(step)
                on_progress(progress(step, self.steps, self.seconds_left(step)))
            return picture or Picture(np.zeros((2, 2, 3), np.float32)), "{}"

        return LoadedModel("cpu", make, self.model_notes)

    def encode(self, picture: Picture, _: Format, *, quality: Any, recipe: str | None) -> Encoded:
        self.on_encode(picture)
        self.written.append((picture, recipe))
        return Encoded((recipe or "").encode(), self.write_notes)


@dataclass
class ListReporter:
    """Remembers what it was told."""

    events: list[Event] = field(default_factory=list)
    closed: int = 0

    def tell(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        self.closed += 1

    def of(self, *kinds: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]


def progress(step: int, steps: int, seconds_left: float | None = None) -> Progress:
    return Progress(Phase.DENOISE, 1, 2, step, steps, step / steps, seconds_left)


def touch(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a picture")
