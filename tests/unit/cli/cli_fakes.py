"""Stand-ins for the rooms behind the command line, scriptable file by file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scalediff_engine.base.errors import ScaleDiffError
from scalediff_engine.base.geometry import Size
from scalediff_engine.cli.events import Event
from scalediff_engine.cli.workshop import Maker
from scalediff_engine.images.picture import Metadata, Picture
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


@dataclass
class FakeShelf:
    """Every ``.png`` is a picture; sizes and recipes by file name."""

    sizes: dict[str, Size | ScaleDiffError] = field(default_factory=dict)
    recipes: set[str] = field(default_factory=set)
    looked_for_recipes_in: list[str] = field(default_factory=list)

    def is_picture(self, path: Path) -> bool:
        return path.suffix.lower() in (".png", ".jpg")

    def size(self, path: Path) -> Size:
        found = self.sizes.get(path.name, Size(40, 30))
        if isinstance(found, ScaleDiffError):
            raise found
        return found

    def has_recipe(self, path: Path) -> bool:
        self.looked_for_recipes_in.append(path.name)
        return path.name in self.recipes


@dataclass
class FakeBench:
    """Saves the recipe for each picture; does what the script says on the way."""

    on_read: Callable[[Path], None] = lambda _: None
    on_load: Callable[[], None] = lambda: None
    on_step: Callable[[int], None] = lambda _: None
    on_encode: Callable[[Path], None] = lambda _: None
    on_save: Callable[[Path], None] = lambda _: None
    seconds_left: Callable[[int], float | None] = lambda _: None
    read_notes: tuple[str, ...] = ()
    write_notes: tuple[str, ...] = ()
    model_notes: tuple[str, ...] = ()
    steps: int = 3
    calls: list[str] = field(default_factory=list)
    written: list[tuple[Picture, str | None]] = field(default_factory=list)

    def read(self, path: Path) -> tuple[Picture, tuple[str, ...]]:
        self.calls.append(f"read {path.name}")
        self.on_read(path)
        picture = Picture(np.zeros((2, 2, 3), np.float32), metadata=Metadata(exif=b"MM"))
        return picture, self.read_notes

    def load(self, model: Any, settings: Any) -> Maker:
        self.calls.append("load")
        self.on_load()

        def make(picture: Picture | None, plan: Any, on_progress: Any) -> tuple[Picture, str]:
            for step in range(self.steps + 1):
                self.on_step(step)
                on_progress(progress(step, self.steps, self.seconds_left(step)))
            return picture or Picture(np.zeros((2, 2, 3), np.float32)), "{}"

        return Maker("cpu", make, self.model_notes)

    def encode(
        self, picture: Picture, path: Path, *, quality: int | None, recipe: str | None
    ) -> tuple[bytes, tuple[str, ...]]:
        self.on_encode(path)
        self.written.append((picture, recipe))
        return (recipe or "").encode(), self.write_notes

    def save(self, data: bytes, path: Path, *, overwrite: bool) -> None:
        self.calls.append(f"save {path.name}")
        self.on_save(path)
        path.write_bytes(data)


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
