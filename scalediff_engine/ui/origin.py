"""What a dialog is opened for: an editor's session or files, and where the result goes.

The editor offers what may become of its document; the choice goes back with the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, cast

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import (
    PROTOCOL,
    ImageInfo,
    Problem,
    Purpose,
    SessionAnswer,
    SessionInfo,
    UpscaleSettings,
)
from scalediff_engine.client.places import EngineRecord
from scalediff_engine.ui.compare.results import Try
from scalediff_engine.ui.files import FileProblem, PictureFiles, free_name, lossless_ending
from scalediff_engine.ui.gateway import Failed, Gateway, as_problem
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.picture import Picture
from scalediff_engine.ui.workers import Workers

OFFERED_OPTION = "canvas_choices"
CHOSEN_OPTION = "canvas"


class Canvas(Enum):
    """What may become of a document; the value is the word on the wire."""

    KEEP = "keep"
    GROW = "grow"
    SCALE = "scale"
    NEW = "new"


@dataclass(frozen=True)
class CanvasChoice:
    """What an editor offers, in its order, and the one that is chosen."""

    offered: tuple[Canvas, ...]
    chosen: Canvas


def offered_by(options: Mapping[str, str]) -> CanvasChoice | None:
    """Read what a host's options offer; none = there is nothing to choose.

    Words that nobody here knows are passed over: the host may be newer than the dialog.
    """
    known = {canvas.value: canvas for canvas in Canvas}
    words = [word.strip() for word in options.get(OFFERED_OPTION, "").split(",")]
    offered = tuple(dict.fromkeys(known[word] for word in words if word in known))
    if not offered:
        return None
    begun = known.get(options.get(CHOSEN_OPTION, ""))
    return CanvasChoice(offered, begun if begun in offered else offered[0])


@dataclass(frozen=True)
class Loaded:
    """A picture to work on.

    Attributes:
        picture: itself
        title: what people know it by
        host: who asks; empty = nobody
        settings: what the host wants the dialog to begin with
        image: id of the upload; none = not uploaded yet
        canvas: what may become of the document it is in; none = that is not asked
        stops_with_host: whether a job that nobody sent to the background ends with the editor
    """

    picture: Picture
    title: str
    host: str = ""
    settings: UpscaleSettings | None = None
    image: str | None = None
    canvas: CanvasChoice | None = None
    stops_with_host: bool = False


class Origin(Protocol):
    """See above."""

    @property
    def closes_when_accepted(self) -> bool:
        """Whether nothing is left to do then."""
        ...

    def load(self, done: Callable[[Loaded], None], failed: Failed) -> None:
        """Get the picture."""
        ...

    def accept(
        self, chosen: Try, canvas: Canvas | None, done: Callable[[str], None], failed: Failed
    ) -> None:
        """Hand the result over; gives a sentence on where it is, or an empty one."""
        ...

    def discard(self, done: Callable[[], None]) -> None:
        """Say that nothing is wanted."""
        ...


class SessionOrigin:
    """An editor's session.

    Args:
        gateway: to the engine
        session_id: of the session
    """

    closes_when_accepted = True

    def __init__(self, gateway: Gateway, session_id: str) -> None:
        self._gateway = gateway
        self._session_id = session_id
        self._options: dict[str, str] = {}

    def load(self, done: Callable[[Loaded], None], failed: Failed) -> None:
        """Get the picture that the editor has uploaded."""

        def on_session(info: SessionInfo) -> None:
            self._options = info.options

            def on_image(picture: Picture) -> None:
                canvas = offered_by(info.options)
                stops = info.options.get("when_host_goes") == "cancel"
                told = (info.title, info.host, info.settings, info.image, canvas, stops)
                done(Loaded(picture, *told))

            self._gateway.image(info.image, on_image, failed)

        self._gateway.call(on_session, failed, Client.session, self._session_id)

    def accept(
        self, chosen: Try, canvas: Canvas | None, done: Callable[[str], None], failed: Failed
    ) -> None:
        """Say that the editor may fetch this result, and what becomes of its document."""
        options = self._options
        if canvas is not None:
            options = {**options, CHOSEN_OPTION: canvas.value}
        answer = SessionAnswer(accepted=True, job=chosen.job.id, options=options)
        self._gateway.call(
            lambda _: done(""), failed, Client.answer_session, self._session_id, answer
        )

    def discard(self, done: Callable[[], None]) -> None:
        """Say that the editor gets nothing."""
        answer = SessionAnswer(accepted=False, options=self._options)
        self._gateway.call(
            lambda _: done(), lambda _: done(), Client.answer_session, self._session_id, answer
        )


class FileOrigin:
    """A picture file; its result is written beside it and overwrites nothing.

    Args:
        file: the picture
        files: reads and writes
        workers: threads
    """

    closes_when_accepted = False

    def __init__(self, file: Path, files: PictureFiles, workers: Workers) -> None:
        self._file = file
        self._files = files
        self._workers = workers

    def load(self, done: Callable[[Loaded], None], failed: Failed) -> None:
        """Read the file."""
        self._workers.run(
            lambda _: self._files.read(self._file),
            lambda picture: done(Loaded(picture, self._file.name)),
            lambda error: failed(file_problem(error)),
        )

    def accept(
        self, chosen: Try, canvas: Canvas | None, done: Callable[[str], None], failed: Failed
    ) -> None:
        """Write the result; there is no document."""
        del canvas
        picture = chosen.picture
        assert picture is not None

        def work() -> Path:
            scale = picture.width / chosen.job.source_width
            target = free_name(self._file, scale, lossless_ending(self._file, picture.header))
            recipe = None if chosen.job.settings.strip else chosen.job.recipe
            self._files.write(picture, recipe, target, self._file)
            return target

        def on_written(target: Path) -> None:
            done(translate("Files", "Saved as {name}.").format(name=target.name))

        self._workers.run(lambda _: work(), on_written, lambda error: failed(file_problem(error)))

    def discard(self, done: Callable[[], None]) -> None:
        """Leave everything as it is."""
        done()


def file_problem(error: Exception) -> Problem:
    """Give the sentence for a file that cannot be used."""
    if isinstance(error, FileProblem):
        return Problem("file", str(error))
    return as_problem(error)


def ensure_uploaded(
    gateway: Gateway, loaded: Loaded, done: Callable[[str], None], failed: Failed
) -> None:
    """Give the id of the upload, uploading first if that has not been done."""
    if loaded.image is not None:
        done(loaded.image)
        return

    def on_uploaded(info: ImageInfo) -> None:
        done(info.id)

    gateway.upload(loaded.picture, on_uploaded, failed)


_MAX_PORT = 65535


class NotTold(Exception):
    """What came by the standard input is not what the engine says."""


@dataclass(frozen=True)
class SessionOpening:
    """An editor's session.

    Attributes:
        session: its id
        engine: who opened the dialog; none = whichever runs
        home: its folder; none = not said
        theme: what the editor looks like; none = not said
        language: that the editor speaks; none = not said
        purpose: what the dialog is for
    """

    session: str
    engine: EngineRecord | None = None
    home: Path | None = None
    theme: str | None = None
    language: str | None = None
    purpose: Purpose = Purpose.UPSCALE


@dataclass(frozen=True)
class FileOpening:
    """A picture file."""

    file: Path


@dataclass(frozen=True)
class FolderOpening:
    """Many pictures.

    Attributes:
        paths: absolute, of folders and files
    """

    paths: tuple[Path, ...]


@dataclass(frozen=True)
class StartOpening:
    """Nothing yet: the user is asked."""


class Room(Enum):
    """The windows beside the upscale."""

    MODELS = "models"
    RECENT = "recent"
    WELCOME = "welcome"


@dataclass(frozen=True)
class RoomOpening:
    """One of the windows beside the upscale.

    Attributes:
        room: which
        session: of an editor that waits for a recent result; None = no editor waits
    """

    room: Room
    session: SessionOpening | None = None


Opening = SessionOpening | FileOpening | FolderOpening | RoomOpening | StartOpening


def opening_of(paths: Sequence[Path]) -> FileOpening | FolderOpening:
    """Give what opens for files and folders: one file by itself, all else as a list."""
    if len(paths) == 1 and paths[0].is_file():
        return FileOpening(paths[0].absolute())
    return FolderOpening(tuple(path.absolute() for path in paths))


def read_told(line: bytes) -> SessionOpening:
    """Read the line by which the engine says what a dialog is for.

    Raises:
        NotTold: it makes no sense.
    """
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NotTold("The engine said nothing that makes sense.") from error
    fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    session, port, token = (fields.get(name) for name in ("session", "port", "token"))
    if not isinstance(session, str) or not isinstance(token, str):
        raise NotTold("The engine did not say which session this is.")
    if not isinstance(port, int) or not 0 < port <= _MAX_PORT:
        raise NotTold("The engine did not say where it is.")
    pid = fields.get("pid")
    record = EngineRecord(
        pid=pid if isinstance(pid, int) else 0,
        port=port,
        token=token,
        protocol=PROTOCOL,
        version="",
        started_at=0.0,
    )
    home = fields.get("home")
    theme, language = fields.get("theme"), fields.get("language")
    is_recent = fields.get("purpose") == Purpose.RECENT.value
    return SessionOpening(
        session,
        record,
        Path(home) if isinstance(home, str) else None,
        theme if isinstance(theme, str) else None,
        language if isinstance(language, str) else None,
        Purpose.RECENT if is_recent else Purpose.UPSCALE,
    )
