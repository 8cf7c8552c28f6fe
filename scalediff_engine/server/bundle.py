"""What helps to find a defect, in one zip file, without what is personal.

Home folders, the user's and the computer's name, prompts, titles, file names of models and tokens
are taken out of every line.
"""

from __future__ import annotations

import dataclasses
import getpass
import importlib.metadata
import io
import json
import os
import platform
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

import scalediff_engine
from scalediff_engine.client import codec
from scalediff_engine.client.messages import DeviceInfo, JobInfo, Lora

_LOG_BYTES = 2**20
_PACKAGES = (
    "torch", "diffusers", "transformers", "safetensors", "accelerate", "numpy", "pillow",
    "tifffile", "imagecodecs", "fastapi", "starlette", "uvicorn", "httptools", "sse-starlette",
    "pydantic", "filelock", "psutil", "nvidia-ml-py", "PySide6-Essentials",
)  # fmt: skip
_TOKENS = re.compile(
    r"(?i)(bearer\s+)[^\s\"',;]+"
    r"|(\b(?:token|password|secret|api[_-]?key)\b[\"']?\s*[:=]\s*[\"']?)[^\s\"',;}]+"
    r"|\bhf_[A-Za-z0-9]{8,}"
)
# of a command line, with prompts and files
_ARGUMENTS = re.compile(r"(?m)^arguments: .*$")
_HOMES = re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\+Users\\+)[^/\\\s\"':]+")
_SHORTEST_NAME = 2


@dataclasses.dataclass(frozen=True)
class Personal:
    """What must not leave this computer.

    Attributes:
        home: the user's home folder
        names: of the user and of the computer
        words: prompts, titles and the like
        tokens: that open something
    """

    home: str
    names: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()


def scrub(text: str, personal: Personal) -> str:
    """Give a text without what is personal."""
    for token in personal.tokens:
        text = text.replace(token, "<token>")
    text = _ARGUMENTS.sub("arguments: <text>", text)
    text = _TOKENS.sub(lambda found: (found[1] or found[2] or "") + "<token>", text)
    # the longest first: a title may be the beginning of a prompt
    for word in sorted(set(personal.words), key=len, reverse=True):
        for spelt in {word, json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1]}:
            text = _whole(spelt).sub("<text>", text)
    if len(personal.home) > 1:
        text = re.sub(re.escape(personal.home) + r"(?![\w.-])", "~", text)
    text = _HOMES.sub("~", text)
    for name in personal.names:
        if len(name) >= _SHORTEST_NAME:
            text = _whole(name).sub("<name>", text)
    return text


def to_zip(files: Mapping[str, str]) -> bytes:
    """Give files, by their names, as a zip file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text.encode("utf-8", "replace"))
    return packed.getvalue()


def pack(
    log_folders: Sequence[Path],
    jobs: Sequence[JobInfo],
    device: DeviceInfo | None,
    tokens: Iterable[str],
) -> bytes:
    """Pack what helps to find a defect on this machine.

    Args:
        log_folders: all logs in them are taken, of each the end
        jobs: whose settings are told
        device: what computes; None = not known
        tokens: that open something
    """
    personal = _personal(jobs, tokens)
    files = {
        "versions.json": _json(_versions()),
        "device.json": _json(None if device is None else codec.to_object(device)),
        "jobs.json": _json([codec.to_object(_impersonal(job)) for job in jobs]),
        **{name: text for folder in log_folders for name, text in _logs(folder).items()},
    }
    return to_zip({name: scrub(text, personal) for name, text in files.items()})


def program_logs() -> Path:
    """Give the folder where the command line leaves what it did not expect."""
    return Path(platformdirs.user_log_dir("scalediff", False))


def _personal(jobs: Sequence[JobInfo], tokens: Iterable[str]) -> Personal:
    words = [
        word
        for job in jobs
        for word in (job.title, job.settings.prompt, job.settings.negative)
        if word.strip()
    ]
    return Personal(str(Path.home()), _names(), tuple(words), tuple(filter(None, tokens)))


def _names() -> tuple[str, ...]:
    found = {platform.node()}
    with suppress(OSError, KeyError, ImportError):
        found.add(getpass.getuser())
    found.update(os.environ.get(name, "") for name in ("USER", "USERNAME", "LOGNAME"))
    # "root" and "user" name nobody, and are words of logs
    return tuple(sorted(found - {"", "root", "user", "localhost"}))


def _impersonal(job: JobInfo) -> JobInfo:
    """A job as it is told: what was written and which files were named is left out."""
    settings = job.settings
    told = dataclasses.replace(
        settings,
        prompt=_hidden(settings.prompt),
        negative=_hidden(settings.negative),
        model=_file_hidden(settings.model),
        text_encoders_from=settings.text_encoders_from
        and _file_hidden(settings.text_encoders_from),
        loras=[Lora("<file>", lora.weight) for lora in settings.loras],
    )
    return dataclasses.replace(job, settings=told, title=_hidden(job.title), recipe=None)


def _hidden(text: str) -> str:
    return f"<{len(text)} characters>" if text else ""


def _file_hidden(word: str) -> str:
    """A word or a name of the hub as it is; of a file its ending alone."""
    is_path = word.startswith((".", "~", "/")) or "\\" in word or word.count("/") > 1
    return f"<file>{Path(word).suffix}" if is_path else word


def _versions() -> dict[str, Any]:
    return {
        "scalediff": scalediff_engine.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _logs(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.log*")):
        with suppress(OSError), path.open("rb") as file:
            start = max(0, path.stat().st_size - _LOG_BYTES)
            file.seek(start)
            text = file.read(_LOG_BYTES).decode("utf-8", "replace")
            if start:  # the first line is cut, and so might be a name in it
                text = text.partition("\n")[2]
            found[f"log/{path.name}"] = text
    return found


def _whole(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)
