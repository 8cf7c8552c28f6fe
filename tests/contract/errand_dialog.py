"""A dialog without a window whose user waits for the job: does what its first argument says.

finish      accepts the result
background  leaves the job to itself
give-up     cancels it
"""

from __future__ import annotations

import json
import sys
import time

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import PROTOCOL, JobRequest, SessionAnswer
from scalediff_engine.client.places import EngineRecord


def main() -> int:
    told = json.loads(sys.stdin.readline())
    record = EngineRecord(0, told["port"], told["token"], PROTOCOL, "0", 0.0)
    client = Client(lambda: record)
    session = client.session(told["session"])
    job = client.submit(JobRequest(session.image, title=session.title))
    if sys.argv[1] == "finish":
        while not client.job(job.id).state.is_final:
            time.sleep(0.02)
        client.answer_session(session.id, SessionAnswer(True, job.id, {"canvas": "grow"}))
    elif sys.argv[1] == "background":
        client.answer_session(session.id, SessionAnswer(False))
    else:
        client.cancel(job.id)
        client.answer_session(session.id, SessionAnswer(False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
