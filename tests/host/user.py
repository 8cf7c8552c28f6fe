"""A user of the dialog without a screen: ``user.py FILE`` does what the JSON object in FILE says.

does        accept, discard, give-up (begins a job and cancels it), background (begins one and
            leaves it), wait (for the end of its session), work (begins one and waits), crash,
            person (somebody uses the dialog itself, see ``person.py``)
settings    in place of those that the dialog begins with
canvas      that is chosen
notes       a file that gets what it was told, as JSON
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from scalediff_engine.client import codec
from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import (
    PROTOCOL,
    JobRequest,
    JobState,
    Purpose,
    SessionAnswer,
    SessionInfo,
    UpscaleSettings,
)
from scalediff_engine.client.places import EngineRecord


def main() -> int:
    said: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    if said["does"] == "person":
        person = str(Path(__file__).with_name("person.py"))
        os.execv(sys.executable, [sys.executable, person, *sys.argv[1:]])  # noqa: S606
    told = json.loads(sys.stdin.readline())
    record = EngineRecord(0, told["port"], told["token"], PROTOCOL, "0", 0.0)
    client = Client(lambda: record)
    session = client.session(told["session"])
    write(Path(sys.argv[1]).with_name("notes.json"), session, told)
    does = said["does"]
    if does == "crash":
        os.abort()
    if does == "wait":
        sys.stdin.read()
        return 0
    if does == "discard":
        client.answer_session(session.id, SessionAnswer(False))
        return 0
    job = chosen(client, session, said)
    if does == "accept":
        while not client.job(job).state.is_final:
            time.sleep(0.02)
        options = {**session.options, **({"canvas": said["canvas"]} if "canvas" in said else {})}
        client.answer_session(session.id, SessionAnswer(True, job, options))
    elif does == "work":
        sys.stdin.read()
    elif does == "background":
        client.answer_session(session.id, SessionAnswer(False))
    else:
        while client.job(job).state is JobState.QUEUED:
            time.sleep(0.01)
        client.cancel(job)
        client.answer_session(session.id, SessionAnswer(False))
    return 0


def chosen(client: Client, session: SessionInfo, said: dict[str, Any]) -> str:
    """Begin a job, or pick the newest result."""
    if session.purpose is Purpose.RECENT:
        return next(job.id for job in client.jobs().jobs if job.state is JobState.DONE)
    settings = session.settings or UpscaleSettings()
    if said.get("settings"):
        given = codec.loads(UpscaleSettings, json.dumps(said["settings"]).encode())
        settings = replace(given, source_lock=settings.source_lock)
    if settings.method == "fast":  # as the dialog does it: this method has no source lock
        settings = replace(settings, source_lock=True)
    return client.submit(JobRequest(session.image, settings, title=session.title)).id


def write(file: Path, session: SessionInfo, told: dict[str, Any]) -> None:
    """Say what the dialog was told."""
    draft = file.with_suffix(".part")
    draft.write_text(json.dumps({"session": codec.to_object(session), "told": sorted(told)}))
    draft.replace(file)


if __name__ == "__main__":
    sys.exit(main())
