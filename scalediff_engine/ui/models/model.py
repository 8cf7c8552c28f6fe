"""The models dialog without widgets: what there is, and what is done about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import (
    DownloadList,
    DownloadState,
    ModelDownload,
    ModelFolder,
    ModelInfo,
    ModelList,
    ModelPlace,
    ModelRemoved,
    Problem,
    RefusedModel,
)
from scalediff_engine.ui import words
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.workers import Later, Ticket

_DOWNLOAD_MS = 500
_ASK_AGAIN_MS = 3000


class Group(Enum):
    """What the list is divided into, in its order."""

    INSTALLED = "installed"
    ELSEWHERE = "elsewhere"
    DOWNLOADABLE = "downloadable"
    FOLDERS = "folders"
    REFUSED = "refused"


@dataclass(frozen=True)
class Entry:
    """One line.

    Attributes:
        group: where it stands
        key: tells it apart
        what: it is about
    """

    group: Group
    key: str
    what: ModelInfo | ModelFolder | RefusedModel


_PLACES = {
    ModelPlace.INSTALLED: Group.INSTALLED,
    ModelPlace.ELSEWHERE: Group.ELSEWHERE,
    ModelPlace.DOWNLOADABLE: Group.DOWNLOADABLE,
}


class ModelsModel:
    """Models, folders and downloads, and the line that is chosen.

    Args:
        gateway: to the engine
        later: calls something after a while

    Attributes:
        listed: what the engine says; none = not known yet
        downloads: by the model's name, the newest of each
        chosen: key of the line that is looked at
        is_busy: whether something is being done that takes a moment
        problem: the last thing that went wrong, until something else is done
        note: a sentence on what went well
        changed: told whenever anything here is different
    """

    def __init__(self, gateway: Gateway, later: Later) -> None:
        self._gateway = gateway
        self._later = later
        self._asking, self._looking, self._again = Ticket(), Ticket(), Ticket()
        self.listed: ModelList | None = None
        self.downloads: dict[str, ModelDownload] = {}
        self.chosen: str | None = None
        self.is_busy = False
        self.problem: Problem | None = None
        self.note = ""
        self.changed = Observers()

    def begin(self) -> None:
        """Ask for everything."""
        self._ask()
        self._look()

    def close(self) -> None:
        """Let go of what is under way here; downloads go on in the engine."""
        for ticket in (self._asking, self._looking, self._again):
            ticket.cancel()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All lines, in the order of the list."""
        found = self.listed
        if found is None:
            return ()
        entries = [
            Entry(_PLACES[info.place], info.name, info)
            for info in found.models
            if info.place in _PLACES
        ]
        entries += [Entry(Group.FOLDERS, f"folder:{one.path}", one) for one in found.folders]
        entries += [Entry(Group.REFUSED, f"refused:{one.path}", one) for one in found.refused]
        order = list(Group)
        return tuple(sorted(entries, key=lambda entry: order.index(entry.group)))

    @property
    def entry(self) -> Entry | None:
        """The line that is chosen."""
        return next((entry for entry in self.entries if entry.key == self.chosen), None)

    @property
    def download(self) -> ModelDownload | None:
        """The download of the chosen model, unless it has arrived or was given up."""
        entry = self.entry
        if entry is None or not isinstance(entry.what, ModelInfo) or entry.what.installed:
            return None
        found = self.downloads.get(entry.what.name)
        gone = (DownloadState.DONE, DownloadState.CANCELLED)
        return None if found is None or found.state in gone else found

    @property
    def is_arriving(self) -> bool:
        """Whether the chosen model is on its way."""
        return self.download is not None and not self.download.state.is_final

    @property
    def can_download(self) -> bool:
        """Whether the chosen model can be asked for."""
        entry = self.entry
        is_offered = entry is not None and entry.group is Group.DOWNLOADABLE
        return is_offered and not self.is_arriving and not self.is_busy

    @property
    def can_remove(self) -> bool:
        """Whether the chosen model, or what has arrived of it, can be deleted."""
        return self.frees_bytes > 0 and not self.is_arriving and not self.is_busy

    @property
    def frees_bytes(self) -> int:
        """What deleting it would free."""
        entry = self.entry
        if entry is None or not isinstance(entry.what, ModelInfo):
            return 0
        return entry.what.frees_bytes or entry.what.arrived_bytes

    @property
    def can_forget(self) -> bool:
        """Whether the chosen line is a folder that was added."""
        what = None if self.entry is None else self.entry.what
        return isinstance(what, ModelFolder) and what.is_added and not self.is_busy

    def choose(self, key: str | None) -> None:
        """Look at another line."""
        if key != self.chosen:
            self.chosen = key
            self._clear()
            self.changed.tell()

    def start_download(self) -> None:
        """Ask for the chosen model."""
        entry = self.entry
        if entry is not None and self.can_download and isinstance(entry.what, ModelInfo):
            self._act()
            self._gateway.call(
                self._on_download, self._on_problem, Client.download_model, entry.what.name
            )

    def cancel_download(self) -> None:
        """Stop it; what has arrived stays."""
        download = self.download
        if download is not None and self.is_arriving:
            self._act()
            self._gateway.call(
                self._on_download, self._on_problem, Client.cancel_download, download.id
            )

    def remove(self) -> None:
        """Delete the chosen model, or what has arrived of it."""
        entry = self.entry
        if entry is not None and self.can_remove and isinstance(entry.what, ModelInfo):
            self._act()
            self._gateway.call(
                self._on_removed, self._on_problem, Client.remove_model, entry.what.name
            )

    def add_folder(self, path: str) -> None:
        """Have models looked for in a folder too."""
        self._act()
        self._gateway.call(self._on_folder, self._on_problem, Client.add_model_folder, path)

    def forget_folder(self) -> None:
        """Have them looked for there no more."""
        entry = self.entry
        if entry is not None and self.can_forget and isinstance(entry.what, ModelFolder):
            self._act()
            self._gateway.call(
                lambda _: self._done(""),
                self._on_problem,
                Client.forget_model_folder,
                entry.what.path,
            )

    def _ask(self) -> None:
        self._asking.cancel()
        self._asking = self._gateway.call(self._on_models, self._on_no_models, Client.models)

    def _look(self) -> None:
        self._again.cancel()
        self._looking.cancel()
        self._looking = self._gateway.call(
            self._on_downloads, lambda _: self._look_later(), Client.downloads
        )

    def _look_later(self) -> None:
        if any(not one.state.is_final for one in self.downloads.values()):
            self._again = self._later(_DOWNLOAD_MS, self._look)

    def _on_no_models(self, problem: Problem) -> None:
        self._on_problem(problem)
        self._asking = self._later(_ASK_AGAIN_MS, self._ask)

    def _on_models(self, found: ModelList) -> None:
        if self.listed is None:
            self.problem = None  # that there was no engine
        self.listed = found
        self.is_busy = False
        if self.entry is None:
            self.chosen = self.entries[0].key if self.entries else None
        self.changed.tell()

    def _on_downloads(self, found: DownloadList) -> None:
        before = self.downloads
        self.downloads = {one.model: one for one in found.downloads}
        if self.downloads != before:
            arrived = [
                one
                for name, one in self.downloads.items()
                if one.state.is_final and name in before and not before[name].state.is_final
            ]
            if arrived:
                self._ask()
            done = [one for one in arrived if one.state is DownloadState.DONE]
            if done:
                self.note = translate("ModelsDialog", "{title} is here.").format(
                    title=done[0].title
                )
            self.changed.tell()
        self._look_later()

    def _on_download(self, found: ModelDownload) -> None:
        self.is_busy = False
        self.downloads = {**self.downloads, found.model: found}
        self.changed.tell()
        self._look()
        if found.state.is_final:
            self._ask()

    def _on_removed(self, found: ModelRemoved) -> None:
        freed = words.memory(found.freed_bytes)
        self._done(translate("ModelsDialog", "{size} were freed.").format(size=freed))

    def _on_folder(self, found: ModelFolder) -> None:
        self.chosen = f"folder:{found.path}"
        self._done(translate("ModelsDialog", "Found there: {count}.").format(count=found.models))

    def _done(self, note: str) -> None:
        self.note = note
        self._ask()
        self.changed.tell()

    def _act(self) -> None:
        self._clear()
        self.is_busy = True
        self.changed.tell()

    def _clear(self) -> None:
        self.problem, self.note = None, ""

    def _on_problem(self, problem: Problem) -> None:
        self.is_busy = False
        self.problem = problem
        self.changed.tell()


_EMBEDDED = "embedded"


def group_title(group: Group) -> str:
    """The name of a part of the list."""
    return {
        Group.INSTALLED: translate("ModelsDialog", "On this computer"),
        Group.ELSEWHERE: translate("ModelsDialog", "In folders of other programs and of yours"),
        Group.DOWNLOADABLE: translate("ModelsDialog", "Can be downloaded"),
        Group.FOLDERS: translate("ModelsDialog", "Folders that are looked through"),
        Group.REFUSED: translate("ModelsDialog", "Cannot be used"),
    }[group]


def entry_title(entry: Entry) -> str:
    """The name of a line."""
    match entry.what:
        case ModelInfo() as info:
            return model_title(info)
        case ModelFolder() as folder:
            return PurePath(folder.path).name or folder.path
        case RefusedModel() as refused:
            return PurePath(refused.path).name


def model_title(info: ModelInfo) -> str:
    """Return the name of a model; the built-in one has a translated name."""
    if info.name == _EMBEDDED:
        return translate("Models", "ScaleDiff's own, comes with the program")
    return info.title


def entry_size(entry: Entry) -> str:
    """How large it is, or how much is in it."""
    match entry.what:
        case ModelInfo() as info:
            if not info.size_bytes:
                return ""
            text = words.memory(info.size_bytes)
            is_about = info.place is ModelPlace.DOWNLOADABLE
            return translate("ModelsDialog", "about {size}").format(size=text) if is_about else text
        case ModelFolder() as folder:
            return model_count(folder.models)
        case RefusedModel():
            return ""


def model_count(models: int) -> str:
    """How many models."""
    if models == 1:
        return translate("ModelsDialog", "1 model")
    return translate("ModelsDialog", "{count} models").format(count=models)


def memory_needed(entry: Entry) -> str:
    """What it takes here, in short."""
    info = entry.what
    if not isinstance(info, ModelInfo) or not info.memory_bytes:
        return ""
    if info.memory_problem is not None:
        return translate("ModelsDialog", "does not fit")
    return words.memory(info.memory_bytes)


def entry_facts(entry: Entry) -> list[str]:
    """What is to be known of it, a line for each thing."""
    match entry.what:
        case ModelInfo() as info:
            return _of_model(info)
        case ModelFolder() as folder:
            whose = folder.source or translate("ModelsDialog", "Added by you")
            return [whose, *([folder.problem.message] if folder.problem else [])]
        case RefusedModel() as refused:
            return [refused.problem.message]


def memory_sentence(info: ModelInfo) -> str:
    """What it takes here, in a sentence."""
    if not info.memory_bytes:
        return ""
    text = (
        translate("ModelsDialog", "A picture of {size} takes about {memory} here.")
        if info.memory_problem is None
        else translate(
            "ModelsDialog", "A picture of {size} would take about {memory}, more than there is."
        )
    )
    return text.format(size=words.size_px(2048, 2048), memory=words.memory(info.memory_bytes))


def entry_path(entry: Entry) -> str:
    """Where it is; empty if it is not here."""
    return entry.what.path or ""


def download_status(found: ModelDownload) -> str:
    """How far it is."""
    if found.problem is not None:
        return found.problem.message
    match found.state:
        case DownloadState.WAITING:
            return translate("ModelsDialog", "Waiting for the download before it")
        case DownloadState.RUNNING:
            done = translate("ModelsDialog", "{done} of {total}").format(
                done=words.memory(found.done_bytes), total=words.memory(found.total_bytes)
            )
            seconds = None if found.seconds_left is None else round(found.seconds_left)
            return f"{done} · {words.time_left(seconds)}"
        case _:
            return translate("ModelsDialog", "Asking what there is, and whether there is room")


def _of_model(info: ModelInfo) -> list[str]:
    native = words.size_px(info.native_width, info.native_height)
    lines = [
        translate("ModelsDialog", "Family {family}, trained at {size}").format(
            family=info.family, size=native
        )
    ]
    if info.source:
        lines.append(translate("ModelsDialog", "Found in: {source}").format(source=info.source))
    if info.arrived_bytes:
        lines.append(
            translate("ModelsDialog", "{size} of an earlier download are here.").format(
                size=words.memory(info.arrived_bytes)
            )
        )
    if info.memory_problem is None:
        lines.append(memory_sentence(info))
    return [line for line in lines if line]
