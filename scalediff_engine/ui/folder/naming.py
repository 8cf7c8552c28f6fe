"""Names and sizes of all pictures, found in a thread whenever something changes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.conflicts import (
    NameConflict,
    ResultNames,
    SharedValues,
    is_forbidden,
    name_results,
)
from scalediff_engine.batch.folder_scan import Entry
from scalediff_engine.batch.naming import Destination, Place
from scalediff_engine.client.batches import Existing
from scalediff_engine.client.naming import FIELDS, BadPattern, Pattern, PatternTrouble
from scalediff_engine.ui.folder.estimate import Group, group
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.workers import Ticket

T = TypeVar("T")
V = TypeVar("V")


class Threads(Protocol):
    """The part of ``ui.workers`` that is needed here."""

    def run(
        self,
        work: Callable[[Ticket], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> Ticket:
        """Run something short in a thread."""
        ...

    def follow(
        self,
        work: Callable[[Ticket, Callable[[V], None]], None],
        tell: Callable[[V], None],
        done: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> Ticket:
        """Run something long in a thread, which says something now and then."""
        ...


@dataclass(frozen=True)
class Named:
    """What was found.

    Attributes:
        targets: of all pictures
        groups: of what is left to do, for the estimate
    """

    targets: ResultNames
    groups: tuple[Group, ...]


def find_names(
    entries: Sequence[Entry],
    destination: Destination,
    words: SharedValues,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Named:
    """Name all results, and put the pictures that are left to do together by size.

    Raises:
        BadPattern: the pattern makes no sense.
        Cancelled: it is not wanted any more.
    """
    targets = name_results(entries, destination, words, is_wanted)
    is_replacing = destination.existing is Existing.REPLACE
    sizes: Counter[Size] = Counter(
        entry.size
        for index, entry in enumerate(entries)
        if (conflict := targets.conflicts.get(index)) is None
        or (conflict is NameConflict.EXISTS and is_replacing)
    )
    return Named(targets, group(sizes))


def destination_problem(destination: Destination) -> str:
    """Say what is wrong with a destination as a whole; empty = nothing."""
    if destination.place is Place.FOLDER and not destination.folder:
        return translate("Naming", "Choose the folder that results go to.")
    if destination.place is Place.SUBFOLDER:
        name = destination.subfolder.strip()
        if is_forbidden(name) or "\\" in name:
            return translate("Naming", "The subfolder “{name}” is no name of a folder.").format(
                name=name
            )
    try:
        Pattern(destination.pattern)
    except BadPattern as error:
        return pattern_problem(error)
    return ""


def pattern_problem(error: BadPattern) -> str:
    """Give the sentence for a pattern that makes no sense."""
    fields = ", ".join(f"{{{name}}}" for name in FIELDS)
    return {
        PatternTrouble.EMPTY: translate("Naming", "The name is empty; {usual} is the usual one."),
        PatternTrouble.SEPARATOR: translate(
            "Naming", "A name has no slash or backslash in it; the folder is chosen above."
        ),
        PatternTrouble.BRACE: translate(
            "Naming", "A brace in the name lacks its partner; {braces} are plain braces."
        ),
        PatternTrouble.FIELD: translate(
            "Naming", "There is no field {field}; the fields are {fields}."
        ),
        PatternTrouble.NO_NAME: translate("Naming", "The name comes out as nothing but dots."),
    }[error.trouble].format(
        usual="{stem}_x{scale}", braces="{{ }}", field=f"{{{error.detail}}}", fields=fields
    )


def clash_problem(entries: Sequence[Entry], targets: ResultNames) -> str:
    """Say which two pictures would become one file; empty = none would."""
    if targets.duplicates is None or max(targets.duplicates) >= len(entries):
        return ""
    first, second = (entries[index].name for index in targets.duplicates)
    name = targets.paths[targets.duplicates[0]].replace("\\", "/").rsplit("/", 1)[-1]
    count = sum(conflict is NameConflict.DUPLICATE for conflict in targets.conflicts.values())
    return translate(
        "Naming",
        "{count} pictures share names and will be left out: “{first}” and “{second}” would both "
        "become “{name}”. Use {ext} in the name, another format or another folder.",
    ).format(count=count, first=first, second=second, name=name, ext="{ext}")


__all__ = ["Named", "Threads", "clash_problem", "destination_problem", "find_names"]
