"""``scalediff doctor``: how things stand on this machine, and a bundle for whoever helps."""

from __future__ import annotations

import json as json_format
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import scalediff_engine
from scalediff_engine.base.editors import find_hosts, this_computer
from scalediff_engine.base.errors import EngineError, ScaleDiffError
from scalediff_engine.base.files import free_bytes, require_writable, write_whole
from scalediff_engine.base.plugins import State, install, status
from scalediff_engine.base.text import gib
from scalediff_engine.cli import streams
from scalediff_engine.cli.plugins import sentence_of
from scalediff_engine.cli.streams import one_line
from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import ClientError
from scalediff_engine.client.messages import DeviceInfo, JobInfo
from scalediff_engine.client.places import Places, default_home, read_command, read_engine
from scalediff_engine.families import registry as families
from scalediff_engine.jobs.database import DAMAGED, JobStore
from scalediff_engine.memory.device_info import find_device
from scalediff_engine.server.bundle import pack, program_logs
from scalediff_engine.server.dialog import own_command, remember_command
from scalediff_engine.server.lifecycle import only_engine
from scalediff_engine.store.locate import cached_models

_EXIT_ENGINE = EngineError.exit_code
_FOUND_S = 5.0


@dataclass(frozen=True)
class Findings:
    """What there is on this machine.

    Attributes:
        version, python, system: of the program and below it
        device, free_bytes: what computes, and its free memory
        home, home_free_bytes: the engine's folder, and the room on its disk
        engine: how the engine is, in a sentence
        is_well: whether that is as it should be
        command: what starts it
        is_command_known: whether editors know that too
        models: other than the one that ships
        plugins: how the plug-in is in each editor, in sentences
        set_aside: files of the engine that could not be read and are kept
    """

    version: str
    python: str
    system: str
    device: str
    free_bytes: int
    home: str
    home_free_bytes: int
    engine: str
    is_well: bool
    command: list[str]
    is_command_known: bool
    models: int
    plugins: list[str]
    set_aside: list[str]


def run_doctor(bundle: str | None, home: str | None, *, json: bool, fix: bool = False) -> int:
    """Look at everything; repair and pack it if that was asked for.

    Raises:
        OutputError: the bundle or a plug-in cannot be written.
    """
    places = Places(default_home() if home is None else Path(home).absolute())
    if bundle is not None:
        require_writable(Path(bundle), overwrite=True)
    if fix:
        _fix(places)
    found = look(places)
    if json:
        streams.to_stdout(json_format.dumps({"event": "doctor", **asdict(found)}))
    else:
        streams.to_stdout("\n".join(lines_of(found)))
    if bundle is not None:
        write_whole(Path(bundle), bundle_of(places, found), overwrite=True)
        sentence = f"{bundle} is written; look into it before you send it to anybody."
        streams.to_stderr(one_line(sentence))
    return 0 if found.is_well else _EXIT_ENGINE


def _fix(places: Places) -> None:
    """Install broken plug-ins again; those that were never installed stay so."""
    remember_command(places)
    for host in find_hosts(this_computer()):
        if status(host).state is State.BROKEN:
            install(host)


def look(places: Places) -> Findings:
    """Ask device, disk and engine."""
    device = find_device("auto")
    engine, is_well = _engine(places)
    known = read_command(places)
    return Findings(
        version=scalediff_engine.__version__,
        python=platform.python_version(),
        system=platform.platform(),
        device=device.name,
        free_bytes=device.free_bytes,
        home=str(places.home),
        home_free_bytes=free_bytes(places.home),
        engine=engine,
        is_well=is_well,
        command=own_command() if known is None else known,
        is_command_known=known is not None,
        models=len(cached_models(families.FAMILIES)),
        plugins=[sentence_of(status(host)) for host in find_hosts(this_computer())],
        set_aside=sorted(str(path) for path in places.data.glob(f"*{DAMAGED}*")),
    )


def lines_of(found: Findings) -> list[str]:
    """Give the findings as lines for people."""
    unknown = ""
    if not found.is_command_known:
        unknown = "; run `scalediff serve` once so that Krita and GIMP can find it"
    facts = {
        "scalediff": f"{found.version}, Python {found.python}, {found.system}",
        "device": f"{found.device}, {gib(found.free_bytes)} free",
        "folder": f"{found.home}, {gib(found.home_free_bytes)} free on its disk",
        "engine": found.engine,
        "started by": " ".join(found.command) + unknown,
        "models": f"{found.models} in the Hugging Face cache, and the built-in one",
    }
    facts |= {f"in {name}": text for name, _, text in (s.partition(": ") for s in found.plugins)}
    if found.set_aside:
        facts["set aside"] = (
            f"{', '.join(found.set_aside)}: could not be read; replaced by a new file"
        )
    width = max(map(len, facts))
    return [one_line(f"{name:<{width}}  {text}") for name, text in facts.items()]


def bundle_of(places: Places, found: Findings) -> bytes:
    """Give the zip file of a report; a running engine packs it, else this process does."""
    with suppress(ClientError):
        if read_engine(places) is not None:
            return _client(places).bundle()
    device = DeviceInfo(found.device, found.free_bytes)
    return pack([places.log, program_logs()], _jobs(places), device, [])


def _engine(places: Places) -> tuple[str, bool]:
    """How the engine is, and whether that is well: it need not run."""
    try:
        record = read_engine(places)
        if record is None:
            return "not running (starts on demand)", True
        health = _client(places).health()
    except ClientError as error:
        return str(error), False
    jobs = f"{health.running} at work, {health.queued} waiting"
    return f"version {health.version} runs as process {health.pid}: {jobs}", True


def _client(places: Places) -> Client:
    return Client(lambda: read_engine(places), timeout_seconds=_FOUND_S)


def _jobs(places: Places) -> list[JobInfo]:
    """What the store holds, if no engine has it open."""
    file = places.data / "jobs.sqlite"
    with suppress(ScaleDiffError, OSError):
        if file.is_file():
            with only_engine(places):
                store = JobStore(file)
                jobs = [found.info for found in store.records()]
                store.close()
                return jobs
    return []
