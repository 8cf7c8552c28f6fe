"""Every deliberate error: a stable code and a sentence for people.

::

    ScaleDiffError                  exit   code
    ├── UsageError                     2   usage
    │   ├── OutputExists               2   output-exists
    │   ├── WrongState                 2   wrong-state
    │   └── NotFound                   2   not-found
    ├── InputError                     3   input-unusable
    │   ├── InputMissing               3   input-missing
    │   ├── NoPictures                 3   no-pictures
    │   ├── UnreadablePicture          3   picture-unreadable
    │   └── PictureTooLarge            3   picture-too-large
    ├── ModelError                     4   model-unusable
    │   └── ModelMissing               4   model-missing
    ├── NotEnoughMemory                5   not-enough-memory
    ├── CheckpointUnusable             1   checkpoint-unusable
    ├── WorkerCrashed                  1   worker-crashed
    ├── EngineError                    8   engine
    │   ├── EngineUnreachable          8   engine-unreachable
    │   ├── EngineRunsAlready          9   engine-runs-already
    │   ├── EngineBusy                 8   engine-busy
    │   └── ProtocolMismatch           8   protocol-mismatch
    ├── OutputError                    7   output-unwritable
    │   └── DiskFull                   7   disk-full
    └── Cancelled                    130   cancelled

The message says what happened, with the numbers, and what would work. The code crosses the wire
and the command line's ``--json``; a traceback never does.
"""

from __future__ import annotations

from typing import ClassVar


class ScaleDiffError(Exception):
    """The root of everything that a user can cause; ``str(error)`` is the sentence to show."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1


class UsageError(ScaleDiffError):
    """The request itself is wrong: an option's value, or a combination of options."""

    code = "usage"
    exit_code = 2


class OutputExists(UsageError):
    """The output file is there already and nobody said that it may be overwritten."""

    code = "output-exists"


class WrongState(UsageError):
    """What is asked of a job makes no sense in the state that it is in."""

    code = "wrong-state"


class NotFound(UsageError):
    """There is no job, image or session of this name (any more)."""

    code = "not-found"


class InputError(ScaleDiffError):
    """The input cannot be used."""

    code = "input-unusable"
    exit_code = 3


class InputMissing(InputError):
    """The input path does not exist."""

    code = "input-missing"


class NoPictures(InputError):
    """A folder holds no file that looks like a picture."""

    code = "no-pictures"


class UnreadablePicture(InputError):
    """The file is empty, truncated, damaged or no picture at all."""

    code = "picture-unreadable"


class PictureTooLarge(InputError):
    """The picture has more pixels than the limit (or is a decompression bomb)."""

    code = "picture-too-large"


class ModelError(ScaleDiffError):
    """The model is there but cannot be used."""

    code = "model-unusable"
    exit_code = 4


class ModelMissing(ModelError):
    """The model is not there."""

    code = "model-missing"


class NotEnoughMemory(ScaleDiffError):
    """The work does not fit into the device's memory or under the limit that was asked for."""

    code = "not-enough-memory"
    exit_code = 5


class CheckpointUnusable(ScaleDiffError):
    """A job cannot go on from where it stood; it can begin again."""

    code = "checkpoint-unusable"


class WorkerCrashed(ScaleDiffError):
    """The process that did the work ended at the same place more than once."""

    code = "worker-crashed"


class EngineError(ScaleDiffError):
    """The local engine cannot do what it is there for."""

    code = "engine"
    exit_code = 8


class EngineUnreachable(EngineError):
    """There is no engine, and none could be started."""

    code = "engine-unreachable"


class EngineRunsAlready(EngineError):
    """There is an engine of this user already."""

    code = "engine-runs-already"
    exit_code = 9


class EngineBusy(EngineError):
    """Too many requests are open, or files do not answer; it may be tried again."""

    code = "engine-busy"


class ProtocolMismatch(EngineError):
    """The two sides speak different versions of the wire."""

    code = "protocol-mismatch"


class OutputError(ScaleDiffError):
    """The result cannot be written where it was asked for."""

    code = "output-unwritable"
    exit_code = 7


class DiskFull(OutputError):
    """The disk (or the quota) was full; nothing half-written was left behind."""

    code = "disk-full"


class Cancelled(ScaleDiffError):
    """The user stopped the work; raised out of the progress callback."""

    code = "cancelled"
    exit_code = 130
