"""What in the spool has lain there long enough; decided without touching the disk."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum
from typing import NamedTuple

from scalediff_engine.client.messages import JobInfo


class Kind(Enum):
    """What lies in the spool."""

    IMAGE = "image"
    PART = "part"
    JOB = "job"


class Lying(NamedTuple):
    """Something in the spool.

    Attributes:
        kind: what it is
        id: of the image or the job
        modified_at: seconds since 1970
    """

    kind: Kind
    id: str
    modified_at: float


def overdue(
    found: Iterable[Lying],
    now: float,
    *,
    live_images: Collection[str],
    jobs: Collection[str],
    upload_seconds: float,
    orphan_seconds: float,
) -> list[Lying]:
    """Choose what nobody will want any more.

    Args:
        found: all that lies there; parts only of uploads that are dead
        now: seconds since 1970
        live_images: uploads that somebody may still want
        jobs: all jobs that are known
        upload_seconds: age at which an upload goes that is not live
        orphan_seconds: age at which the folder of an unknown job goes
    """

    def goes(lying: Lying) -> bool:
        age_seconds = now - lying.modified_at
        match lying.kind:
            case Kind.PART:
                return True
            case Kind.IMAGE:
                return lying.id not in live_images and age_seconds > upload_seconds
            case Kind.JOB:
                return lying.id not in jobs and age_seconds > orphan_seconds

    return [lying for lying in found if goes(lying)]


def expired_jobs(jobs: Iterable[JobInfo], now: float, result_seconds: float) -> list[str]:
    """Choose the jobs that ended so long ago that they are forgotten, with their results."""
    return [job.id for job in jobs if job.state.is_final and now - job.updated_at > result_seconds]
