"""A dialog without a window, for the tests of sessions: it does what its first argument says.

It talks to the engine with what it is told on its standard input, as the real one does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import PROTOCOL, JobRequest, SessionAnswer
from scalediff_engine.client.places import EngineRecord


def main() -> int:
    what, notes = sys.argv[1], Path(sys.argv[2])
    told = json.loads(sys.stdin.readline())
    seen = {"argv": sys.argv, "environment": dict(os.environ), "told": told, "pid": os.getpid()}
    draft = notes.with_suffix(".part")
    draft.write_text(json.dumps(seen))
    draft.replace(notes)
    record = EngineRecord(0, told["port"], told["token"], PROTOCOL, "0", 0.0)
    client = Client(lambda: record)
    session = client.session(told["session"])
    if what == "accept":
        job = client.submit(JobRequest(session.image, title=session.title))
        answer = SessionAnswer(True, job.id, {**session.options, "canvas": "resized"})
        client.answer_session(session.id, answer)
    elif what == "discard":
        client.answer_session(session.id, SessionAnswer(False))
    elif what == "leave":
        return 0
    elif what == "crash":
        os.abort()
    elif what == "fail":
        return 3
    elif what == "complain":
        sys.stderr.write("Some warning.\nscalediff: The windows need PySide6.\n")
        return 2
    elif what == "work":  # until its session is over
        client.submit(JobRequest(session.image, title=session.title))
        sys.stdin.read()
        notes.with_suffix(".told").touch()
    elif what == "stubborn":
        import signal

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        notes.with_suffix(".ready").touch()
        while True:
            time.sleep(1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
