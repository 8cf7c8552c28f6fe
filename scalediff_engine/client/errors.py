"""What a client can fail with, each a ``Problem``: a stable code and a sentence for people.

::

    ClientError
    ├── EngineUnreachable        engine-unreachable
    │   ├── EngineNotInstalled   engine-not-installed
    │   ├── EngineNotStarted     engine-not-started
    │   ├── EngineNotProven      engine-not-proven
    │   └── ConnectionLost       connection-lost
    ├── ProtocolMismatch         protocol-mismatch
    ├── UnsafeEngineFile         engine-file-unsafe
    ├── UnexpectedAnswer         unexpected-answer
    └── Refused                  whatever the engine says, with its sentence
        └── NotFound             not-found
"""

from __future__ import annotations

from .messages import PROTOCOL, Problem


class ClientError(Exception):
    """The root of them all; ``str(error)`` is the sentence to show.

    Attributes:
        problem: the code and the sentence
    """

    code = "engine"

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(code or self.code, message)


class EngineUnreachable(ClientError):
    """There is no engine that answers."""

    code = "engine-unreachable"


class EngineNotInstalled(EngineUnreachable):
    """Nobody knows a command that would start one."""

    code = "engine-not-installed"


class EngineNotStarted(EngineUnreachable):
    """One was started and did not come up."""

    code = "engine-not-started"


class EngineNotProven(EngineUnreachable):
    """Another program answers on the engine's port; it was sent neither the token nor a picture."""

    code = "engine-not-proven"


class ConnectionLost(EngineUnreachable):
    """The engine went silent in the midst of it; what was asked may or may not have been done."""

    code = "connection-lost"


class ProtocolMismatch(ClientError):
    """The two sides speak different versions of the wire."""

    code = "protocol-mismatch"


class UnsafeEngineFile(ClientError):
    """Somebody else could have written or read what leads to the engine."""

    code = "engine-file-unsafe"


class UnexpectedAnswer(ClientError):
    """What answers is no engine of ours, or a defect of it."""

    code = "unexpected-answer"


class Refused(ClientError):
    """The engine says no.

    Attributes:
        status: of the answer
    """

    code = "refused"

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.message, problem.code)
        self.status = status


class NotFound(Refused):
    """There is no job, image or session of this name (any more)."""


def require_protocol(engine: int) -> None:
    """Pass if the engine speaks our version of the wire.

    Raises:
        ProtocolMismatch: it speaks another.
    """
    if engine != PROTOCOL:
        behind = "plug-in" if engine > PROTOCOL else "engine"
        raise ProtocolMismatch(
            f"The plug-in speaks version {PROTOCOL} of the wire and the engine {engine}: "
            f"update the {behind}."
        )
