"""Pictures to upscale, the names of their results and their cost, before the start; no Qt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scalediff_engine.base.errors import Cancelled
from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.conflicts import (
    NameConflict,
    ResultNames,
    SharedValues,
    absolute,
    example_name,
    is_forbidden,
    name_results,
)
from scalediff_engine.batch.folder_scan import Entry, Portion, Search, Skip, SkipReason, scan
from scalediff_engine.batch.naming import Destination, Place
from scalediff_engine.client.batches import Existing
from scalediff_engine.client.messages import Problem, UpscaleSettings
from scalediff_engine.client.naming import (
    DEFAULT_PATTERN,
    FIELDS,
    BadPattern,
    Pattern,
    PatternTrouble,
)
from scalediff_engine.ui.folder.estimate import Estimator, Group, group
from scalediff_engine.ui.folder.rows import Filter, Rows
from scalediff_engine.ui.gateway import as_problem
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.observers import Listeners, Observers
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.workers import Later, Ticket, Workers

# Longer than between two key presses.
NAMES_MS = 150
# While more and more is found, all names are found anew no more often than this.
NAMES_WHILE_SCANNING_MS = 700
# Settings are the same for every size; the upscale model wants one.
SOME_SIZE = Size(512, 512)
_EXAMPLE = Entry("/photo.jpg", "photo.jpg", width=512, height=512)


class InputModel:
    """Pictures that were found, the names of their results, and what they will take.

    Args:
        later: calls something after a while
        workers: threads
        inputs: files and folders
        upscale: the settings
        estimator: asks what it will take
        destination: what was chosen last

    Attributes:
        inputs: files and folders that pictures are looked for in
        is_recursive: whether folders in folders are looked into
        is_scanning: whether more may be found
        rows: the pictures that were found
        skips: files and folders that were skipped, at most ``MOST_SKIPS``
        skip_counts: of all that was skipped
        destination: where results go
        names_problem: what is wrong with names or folders as a whole; empty = nothing
        clash: which pictures are left out since they share a name; empty = none are
        estimator: asks what it will take
        changed: told whenever anything here but the rows is different
        failed: told what went wrong
    """

    def __init__(
        self,
        later: Later,
        workers: Workers,
        inputs: Iterable[Path],
        upscale: UpscaleModel,
        estimator: Estimator,
        destination: Destination,
    ) -> None:
        self._later = later
        self._workers = workers
        self._upscale = upscale
        self._scanning, self._naming, self._waiting = Ticket(), Ticket(), Ticket()
        self._is_waiting = False
        self._is_named = False
        self._removed: set[str] = set()
        self.inputs = tuple(absolute(str(path)) for path in inputs)
        self.is_recursive = True
        self.is_scanning = False
        self.rows = Rows()
        self.skips: list[Skip] = []
        self.skip_counts: Counter[SkipReason] = Counter()
        self.destination = destination
        self.names_problem = destination_problem(destination)
        self.clash = ""
        self.estimator = estimator
        self.changed = Observers()
        self.failed: Listeners[Problem] = Listeners()
        self._words, self._settings = self._words_now(), self._settings_now()
        upscale.changed.add(self._on_settings)
        estimator.changed.add(self._on_estimate)

    @property
    def title(self) -> str:
        """What people know the pictures by."""
        if not self.inputs:
            return ""
        return self.inputs[0].name or str(self.inputs[0])

    @property
    def scale(self) -> float:
        """How much larger results are."""
        return self._words.scale

    @property
    def is_ready(self) -> bool:
        """Whether the engine may be asked."""
        return (
            self._is_named
            and not self.is_scanning
            and not self.names_problem
            and self.estimator.estimate.problem is None
            and bool(self.startable)
        )

    @property
    def startable(self) -> int:
        """How many pictures the engine would be asked for."""
        if not self._is_named:
            return 0
        counts = self.rows.counts()
        return counts[Filter.ALL] - counts[Filter.ERRORS]

    # Pictures

    def scan(self) -> None:
        """Look for pictures anew."""
        self._scanning.cancel()
        self.rows.clear()
        self.skips.clear()
        self.skip_counts.clear()
        self._look_in(self.inputs)

    def add(self, paths: Iterable[Path]) -> None:
        """Look for pictures in these too."""
        new = tuple(path for path in map(absolute, map(str, paths)) if path not in self.inputs)
        if not new:
            return
        self._removed.difference_update(map(str, new))
        self.inputs += new
        if self.is_scanning or sum(path.is_dir() for path in self.inputs) > 1:
            self.scan()  # whose folders are told apart by their names now
        else:
            self._look_in(new, frozenset(entry.path for entry in self.rows.entries))

    def look_deeper(self, is_recursive: bool) -> None:
        """Look into folders in folders, or do not."""
        if is_recursive != self.is_recursive:
            self.is_recursive = is_recursive
            self.scan()

    def remove(self, indexes: Iterable[int]) -> None:
        """Leave files out; they stay out when something else is added."""
        gone = tuple(indexes)
        self._removed.update(self.rows.entries[index].path for index in gone)
        self.rows.remove(gone)
        self._names_later(0)
        self.changed.tell()

    def again(self) -> None:
        """Look at the results' folders and at the memory anew: a batch has changed both."""
        self.estimator.forget()
        self._names_later(0)

    # Where results go

    def change_destination(self, destination: Destination) -> None:
        """Let results go elsewhere, or be called otherwise."""
        if destination == self.destination:
            return
        self.destination = destination
        self.names_problem = destination_problem(destination)
        self._names_later(NAMES_MS)
        self.changed.tell()

    def example(self) -> str:
        """Give a name that a result would have; empty if the pattern makes no sense."""
        entries = self.rows.entries
        try:
            return example_name(self.destination, self._words, entries[0] if entries else _EXAMPLE)
        except BadPattern:
            return ""

    def close(self) -> None:
        """Let go of everything that is under way."""
        for ticket in (self._scanning, self._naming, self._waiting):
            ticket.cancel()

    def _look_in(self, inputs: tuple[Path, ...], known: frozenset[str] = frozenset()) -> None:
        try:
            pattern = Pattern(self.destination.pattern)
        except BadPattern:
            pattern = Pattern(DEFAULT_PATTERN)
        search = Search(inputs, self.is_recursive, pattern, known)

        def work(ticket: Ticket, say: Callable[[Portion], None]) -> None:
            for portion in scan(search, lambda: not ticket.is_cancelled):
                say(portion)

        self.is_scanning = True
        self._is_named = False
        self._scanning = self._workers.follow(
            work, self._on_portion, self._on_scanned, self._on_not_scanned
        )
        self.changed.tell()

    def _on_portion(self, portion: Portion) -> None:
        wanted = [entry for entry in portion.entries if entry.path not in self._removed]
        self.rows.append(wanted)
        self.skip_counts.update(skip.reason for skip in portion.skips)
        self.skips += portion.skips[: MOST_SKIPS - len(self.skips)]
        self._is_named = False
        if not self._is_waiting:
            self._names_later(NAMES_WHILE_SCANNING_MS)
        self.changed.tell()

    def _on_scanned(self) -> None:
        self.is_scanning = False
        self._names_later(0)
        self.changed.tell()

    def _on_not_scanned(self, error: Exception) -> None:
        self.is_scanning = False
        self._tell_problem(as_problem(error))

    def _names_later(self, delay_ms: int) -> None:
        """Find all names anew; what is under way is given up."""
        self._is_named = False
        self._waiting.cancel()
        self._naming.cancel()
        self._is_waiting = True
        self._waiting = self._later(delay_ms, self._find_names)

    def _find_names(self) -> None:
        self._is_waiting = False
        entries, destination, words = tuple(self.rows.entries), self.destination, self._words

        def work(ticket: Ticket) -> Named:
            return find_names(entries, destination, words, lambda: not ticket.is_cancelled)

        self._naming.cancel()
        self._naming = self._workers.run(work, self._on_names, self._on_no_names)

    def _on_names(self, named: Named) -> None:
        rows = self.rows
        self._is_named = len(named.targets.paths) == len(rows.entries) and not self._is_waiting
        rows.set_targets(named.targets)
        self.names_problem = destination_problem(self.destination)
        self.clash = clash_problem(rows.entries, named.targets)
        self.estimator.ask(named.groups, self._settings)
        self.changed.tell()

    def _on_no_names(self, error: Exception) -> None:
        if isinstance(error, Cancelled):
            return
        if isinstance(error, BadPattern):
            self.names_problem = pattern_problem(error)
            self.rows.set_targets(ResultNames())
            self.changed.tell()
        else:
            self._tell_problem(as_problem(error))

    def _settings_now(self) -> UpscaleSettings:
        return self._upscale.choices.settings(SOME_SIZE)

    def _words_now(self) -> SharedValues:
        choices, model = self._upscale.choices, self._upscale.model
        family = choices.model if model is None else model.family
        return SharedValues(choices.extent.scale_of(SOME_SIZE), Path(family).stem, choices.seed)

    def _on_settings(self) -> None:
        words, settings = self._words_now(), self._settings_now()
        if (words, settings) != (self._words, self._settings):
            self._words, self._settings = words, settings
            self._names_later(NAMES_MS)
        self.changed.tell()

    def _on_estimate(self) -> None:
        self.rows.set_unfit(self.estimator.estimate.unfit)
        self.changed.tell()

    def _tell_problem(self, problem: Problem) -> None:
        self.failed.tell(problem)
        self.changed.tell()


# More than anybody reads; the counts go on.
MOST_SKIPS = 5000


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
