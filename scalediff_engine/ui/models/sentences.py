"""What is said of a model, a folder, a refused file and a download."""

from __future__ import annotations

from pathlib import PurePath

from scalediff_engine.client.messages import (
    DownloadState,
    ModelDownload,
    ModelFolder,
    ModelInfo,
    ModelPlace,
    RefusedModel,
)
from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.models.model import Entry, Group

_OURS = "embedded"


def group_title(group: Group) -> str:
    """The name of a part of the list."""
    return {
        Group.INSTALLED: translate("ModelsDialog", "On this computer"),
        Group.ELSEWHERE: translate("ModelsDialog", "In folders of other programs and of yours"),
        Group.DOWNLOADABLE: translate("ModelsDialog", "Can be downloaded"),
        Group.FOLDERS: translate("ModelsDialog", "Folders that are looked through"),
        Group.REFUSED: translate("ModelsDialog", "Cannot be used"),
    }[group]


def title(entry: Entry) -> str:
    """The name of a line."""
    match entry.what:
        case ModelInfo() as info:
            return model_title(info)
        case ModelFolder() as folder:
            return PurePath(folder.path).name or folder.path
        case RefusedModel() as refused:
            return PurePath(refused.path).name


def model_title(info: ModelInfo) -> str:
    """The name of a model; only ours is not a name of its own."""
    if info.name == _OURS:
        return translate("Models", "ScaleDiff's own, comes with the program")
    return info.title


def size(entry: Entry) -> str:
    """How large it is, or how much is in it."""
    match entry.what:
        case ModelInfo() as info:
            if not info.size_bytes:
                return ""
            text = words.memory(info.size_bytes)
            is_about = info.place is ModelPlace.DOWNLOADABLE
            return translate("ModelsDialog", "about {size}").format(size=text) if is_about else text
        case ModelFolder() as folder:
            return count(folder.models)
        case RefusedModel():
            return ""


def count(models: int) -> str:
    """How many models."""
    if models == 1:
        return translate("ModelsDialog", "1 model")
    return translate("ModelsDialog", "{count} models").format(count=models)


def needs(entry: Entry) -> str:
    """What it takes here, in short."""
    info = entry.what
    if not isinstance(info, ModelInfo) or not info.memory_bytes:
        return ""
    if info.memory_problem is not None:
        return translate("ModelsDialog", "does not fit")
    return words.memory(info.memory_bytes)


def facts(entry: Entry) -> list[str]:
    """What is to be known of it, a line for each thing."""
    match entry.what:
        case ModelInfo() as info:
            return _of_model(info)
        case ModelFolder() as folder:
            whose = folder.source or translate("ModelsDialog", "Added by you")
            return [whose, *([folder.problem.message] if folder.problem else [])]
        case RefusedModel() as refused:
            return [refused.problem.message]


def memory(info: ModelInfo) -> str:
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


def path(entry: Entry) -> str:
    """Where it is; empty if it is not here."""
    return entry.what.path or ""


def download(found: ModelDownload) -> str:
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
        lines.append(memory(info))
    return [line for line in lines if line]
