"""What the command line needs of the rooms that do the work: two small protocols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scalediff_engine.base.geometry import Size
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.settings import Settings
from scalediff_engine.planning.wishes import ModelChoice

if TYPE_CHECKING:
    from scalediff_engine.images.picture import Picture
    from scalediff_engine.planning.progress import ProgressCallback


class Shelf(Protocol):
    """Looks at files without reading their pixels."""

    def is_picture(self, path: Path) -> bool:
        """Whether a file of a folder is worth opening, by its name."""
        ...

    def size(self, path: Path) -> Size:
        """Give the size of a picture."""
        ...

    def has_recipe(self, path: Path) -> bool:
        """Whether the file says that we made it."""
        ...


@dataclass(frozen=True)
class Maker:
    """A loaded model, ready for one picture after the other.

    Attributes:
        device: where it really is
        make: picture to enlarge (None: the plan makes one from noise), plan, callback to the
            result and its recipe
        notes: sentences on what it was put together from
        peak_bytes: of the device's memory that the last picture took; None = it cannot be told
    """

    device: str
    make: Callable[[Picture | None, Plan, ProgressCallback], tuple[Picture, str]]
    notes: tuple[str, ...] = ()
    peak_bytes: Callable[[], int | None] = lambda: None


class Bench(Protocol):
    """Reads, loads, makes, writes."""

    def read(self, path: Path) -> tuple[Picture, tuple[str, ...]]:
        """Read a picture; gives notes on what the picture leaves behind."""
        ...

    def load(self, model: ModelChoice, settings: Settings) -> Maker:
        """Load a model; seconds, and the first moment that anything heavy is imported."""
        ...

    def encode(
        self, picture: Picture, path: Path, *, quality: int | None, recipe: str | None
    ) -> tuple[bytes, tuple[str, ...]]:
        """Give the bytes of a result's file, and notes on what the format could not keep."""
        ...

    def save(self, data: bytes, path: Path, *, overwrite: bool) -> None:
        """Make a file of them, whole or not at all."""
        ...
