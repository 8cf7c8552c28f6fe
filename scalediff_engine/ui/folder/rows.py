"""The files of the dialog as rows: what is to become of each, or has; without widgets.

Before the start a row says what would happen; once the engine has it, where it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.conflicts import NameConflict, ResultNames
from scalediff_engine.batch.folder_scan import Entry
from scalediff_engine.client.batches import BatchItem, FileState
from scalediff_engine.client.messages import Problem
from scalediff_engine.ui.observers import Listeners, Observers


class Status(Enum):
    """What is said of a row."""

    READY = "ready"
    EXISTS = "exists"
    WRONG_NAME = "wrong name"
    WILL_NOT_FIT = "will not fit"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Filter(Enum):
    """Which rows are seen."""

    ALL = "all"
    TO_DO = "to do"
    DONE = "done"
    SKIPPED = "skipped"
    ERRORS = "errors"


_OF_FILTER = {
    Filter.TO_DO: (Status.READY, Status.WAITING, Status.RUNNING, Status.CANCELLED),
    Filter.DONE: (Status.DONE,),
    Filter.SKIPPED: (Status.SKIPPED, Status.EXISTS),
    Filter.ERRORS: (Status.FAILED, Status.WRONG_NAME, Status.WILL_NOT_FIT),
}
_OF_STATE = {state: Status[state.name] for state in FileState}
_NOT_STARTED = (Status.WRONG_NAME, Status.WILL_NOT_FIT)


class Rows:
    """All rows, and which of them are seen.

    Attributes:
        entries: the files
        filter: which rows are seen
        appended: told the first and the last new row that is seen, before it is
        arrived: told once they are
        changed: told the first and the last row that looks different
        resetting: told before the rows are others
        reset: told when they are
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries: list[Entry] = list(entries)
        self.appended: Listeners[tuple[int, int]] = Listeners()
        self.arrived = Observers()
        self.changed: Listeners[tuple[int, int]] = Listeners()
        self.resetting, self.reset = Observers(), Observers()
        self._targets = ResultNames()
        self._unfit: Mapping[Size, str] = {}
        self._states: list[FileState | None] = [None] * len(self.entries)
        self._tally: Counter[FileState] = Counter()
        self._problems: dict[int, Problem] = {}
        self._seconds: dict[int, float] = {}
        self.filter = Filter.ALL
        self._visible: list[int] | None = None  # none = all of them
        self._is_stale = False

    def __len__(self) -> int:
        """Give how many rows are seen."""
        return len(self.entries) if self._visible is None else len(self._visible)

    def index(self, row: int) -> int:
        """Give the file of a row that is seen."""
        return row if self._visible is None else self._visible[row]

    # What is said of a file

    def status(self, index: int) -> Status:
        """Tell what is said of a file."""
        state = self._states[index]
        if state is not None:
            return _OF_STATE[state]
        conflict = self._targets.conflicts.get(index)
        if conflict is not None and conflict is not NameConflict.EXISTS:
            return Status.WRONG_NAME
        entry = self.entries[index]
        if self._unfit and Size(entry.width, entry.height) in self._unfit:
            return Status.WILL_NOT_FIT
        return Status.READY if conflict is None else Status.EXISTS

    def target(self, index: int) -> str:
        """Give the path of a file's result; empty = not known yet."""
        paths = self._targets.paths
        return paths[index] if index < len(paths) else ""

    def conflict(self, index: int) -> NameConflict | None:
        """Tell what is wrong with the name of a result."""
        return self._targets.conflicts.get(index)

    def unfit(self, index: int) -> str:
        """Give the sentence on why a file will not fit; empty = it will."""
        entry = self.entries[index]
        return self._unfit.get(Size(entry.width, entry.height), "")

    def problem(self, index: int) -> Problem | None:
        """Tell why a file failed or was skipped."""
        return self._problems.get(index)

    def seconds(self, index: int) -> float:
        """Tell how long a file took."""
        return self._seconds.get(index, 0.0)

    def counts(self) -> dict[Filter, int]:
        """Count the rows that each filter would show."""
        tally = Counter({_OF_STATE[state]: count for state, count in self._tally.items()})
        begun = sum(self._tally.values())
        conflicts = self._targets.conflicts
        of_conflict = Counter(conflicts.values())
        tally[Status.EXISTS] = of_conflict[NameConflict.EXISTS]
        tally[Status.WRONG_NAME] = of_conflict.total() - of_conflict[NameConflict.EXISTS]
        tally[Status.READY] = len(self.entries) - begun - of_conflict.total()
        if self._unfit:
            for index, entry in enumerate(self.entries):
                conflict = conflicts.get(index)
                is_named = conflict is None or conflict is NameConflict.EXISTS
                if is_named and (entry.width, entry.height) in self._unfit:
                    tally[Status.READY if conflict is None else Status.EXISTS] -= 1
                    tally[Status.WILL_NOT_FIT] += 1
        counts = {
            wanted: sum(tally[status] for status in statuses)
            for wanted, statuses in _OF_FILTER.items()
        }
        return {Filter.ALL: len(self.entries), **counts}

    def startable(self) -> list[int]:
        """Give the files that the engine may be asked for."""
        if len(self._targets.paths) != len(self.entries):
            return []
        every = range(len(self.entries))
        return [index for index in every if self.status(index) not in _NOT_STARTED]

    # Changes

    def append(self, entries: Sequence[Entry]) -> None:
        """Add files at the end."""
        if not entries:
            return
        if self._visible is None:
            first = len(self.entries)
            self.appended.tell((first, first + len(entries) - 1))
        self.entries.extend(entries)
        self._states.extend([None] * len(entries))
        if self._visible is None:
            self.arrived.tell()
        else:
            self._is_stale = True

    def remove(self, indexes: Iterable[int]) -> None:
        """Take files away; names have to be found anew."""
        self.resetting.tell()
        gone = set(indexes)
        kept = [index for index in range(len(self.entries)) if index not in gone]
        self.entries = [self.entries[index] for index in kept]
        self._states = [None] * len(kept)
        paths = self._targets.paths
        places = {old: new for new, old in enumerate(kept)}
        self._targets = ResultNames(
            [paths[index] for index in kept if index < len(paths)],
            {places[i]: found for i, found in self._targets.conflicts.items() if i in places},
        )
        self._visible, self._is_stale = self._seen(), False
        self.reset.tell()

    def clear(self) -> None:
        """Take all files away."""
        self.remove(range(len(self.entries)))

    def set_targets(self, targets: ResultNames) -> None:
        """Take names that were found for the files there were a moment ago."""
        self._targets = targets
        self._all_changed()

    def add_targets(self, paths: Sequence[str]) -> None:
        """Take the names of results of the files that were added last."""
        self._targets.paths.extend(paths)

    def set_unfit(self, unfit: Mapping[Size, str]) -> None:
        """Take what is known to be too large."""
        if unfit != self._unfit:
            self._unfit = dict(unfit)
            self._all_changed()

    def take_items(self, items: Sequence[BatchItem]) -> None:
        """Take how files stand, as the engine says it."""
        if not items:
            return
        for item in items:
            before = self._states[item.index]
            if before is not None:
                self._tally[before] -= 1
            self._tally[item.state] += 1
            self._states[item.index] = item.state
            self._seconds[item.index] = item.seconds
            if item.problem is not None:
                self._problems[item.index] = item.problem
            else:
                self._problems.pop(item.index, None)
        if self._visible is None:
            self.changed.tell((items[0].index, items[-1].index))
        else:
            self._is_stale = True

    def touch(self, index: int) -> None:
        """Show a file anew, such as one that is under way."""
        if self._visible is None:
            self.changed.tell((index, index))
        else:
            self._is_stale = True

    def show(self, wanted: Filter) -> None:
        """See other rows."""
        self.filter = wanted
        self._refilter()

    def refresh(self) -> None:
        """See what the filter lets through by now, if that may have changed."""
        if self._is_stale:
            self._refilter()

    def _all_changed(self) -> None:
        if self._visible is None:
            if self.entries:
                self.changed.tell((0, len(self.entries) - 1))
        else:
            self._is_stale = True

    def _refilter(self) -> None:
        self._is_stale = False
        seen = self._seen()
        if seen is not None and seen == self._visible:
            if seen:
                self.changed.tell((0, len(seen) - 1))
            return
        self.resetting.tell()
        self._visible = seen
        self.reset.tell()

    def _seen(self) -> list[int] | None:
        """Give the files that the filter lets through; none = all of them."""
        if self.filter is Filter.ALL:
            return None
        wanted = _OF_FILTER[self.filter]
        every = range(len(self.entries))
        return [index for index in every if self.status(index) in wanted]
