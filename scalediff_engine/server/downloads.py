"""Downloads of models: a process for each, one after the other, and what they say."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from scalediff_engine.base.errors import ModelMissing, NotFound, WrongState
from scalediff_engine.base.process import Child, Program
from scalediff_engine.client.messages import DownloadState, ModelDownload, Problem
from scalediff_engine.families.registry import FAMILIES, registered
from scalediff_engine.jobs.spool import new_id
from scalediff_engine.spec.family import CatalogEntry
from scalediff_engine.store.catalog import entry_named
from scalediff_engine.store.hub_cache import cache_folder

_log = logging.getLogger(__name__)


def download_argv() -> list[str]:
    """How a download is started."""
    return [sys.executable, "-P", "-m", "scalediff_engine.store.download"]


class Downloads:
    """All downloads; for one event loop.

    Args:
        program: what does one
        on_end: called when a model has arrived, or a part of it and no more
    """

    def __init__(self, program: Program, on_end: Callable[[], object]) -> None:
        self._program = program
        self._on_end = on_end
        self._found: dict[str, ModelDownload] = {}
        self._running: asyncio.Task[None] | None = None
        self._process: Child | None = None
        self._current: str | None = None

    def all(self) -> list[ModelDownload]:
        """Those since the engine was started, the newest of each model."""
        newest: dict[str, ModelDownload] = {}
        for download in self._found.values():
            newest.pop(download.model, None)
            newest[download.model] = download
        return list(newest.values())

    def count(self) -> int:
        """How many are not over."""
        return sum(not download.state.is_final for download in self._found.values())

    def is_under_way(self, model: str) -> bool:
        """Whether a model is about to arrive."""
        return any(d.model == model and not d.state.is_final for d in self._found.values())

    def start(self, model: str) -> ModelDownload:
        """Download a model, after those that were asked for before.

        Raises:
            ModelMissing: there is no place to get it from.
            WrongState: it is under way.
        """
        if entry_named(model, FAMILIES) is None:
            raise ModelMissing(
                f"There is no one place to download '{model}' from. Give the path of its "
                ".safetensors file or folder, or add the folder that it is in."
            )
        if self.is_under_way(model):
            raise WrongState(f"{model} is being downloaded already.")
        facts = registered(model)
        title = facts.title if facts is not None else model
        download = ModelDownload(new_id(), model, title, DownloadState.WAITING)
        self._found[download.id] = download
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._work())
        return download

    def cancel(self, download_id: str) -> ModelDownload:
        """Stop a download; what has arrived stays, and the next one goes on from there.

        Raises:
            NotFound: there is none.
        """
        download = self._found.get(download_id)
        if download is None:
            raise NotFound("There is no such download (any more).")
        if not download.state.is_final:
            self._change(download_id, state=DownloadState.CANCELLED, seconds_left=None)
            if self._current == download_id and self._process is not None:
                self._process.close_input()
        return self._found[download_id]

    async def close(self) -> None:
        """Stop all of them."""
        for download in list(self._found.values()):
            if not download.state.is_final:
                self.cancel(download.id)
        if self._running is not None:
            await self._running

    async def _work(self) -> None:
        while True:
            waiting = (d.id for d in self._found.values() if d.state is DownloadState.WAITING)
            self._current = next(waiting, None)
            if self._current is None:
                return
            download = self._found[self._current]
            try:
                await self._do(download.id, entry_named(download.model, FAMILIES))
            except Exception:  # noqa: BLE001 - the others are to have their turn
                _log.exception("A download could not be looked after")
                self._fail(download.id, "engine", "The engine could not look after the download.")

    async def _do(self, download_id: str, entry: CatalogEntry | None) -> None:
        assert entry is not None  # ``start`` saw to it
        self._change(download_id, state=DownloadState.CHECKING)
        try:
            process = self._process = await Child.start(self._program)
        except OSError as error:
            self._fail(download_id, "engine", f"It could not be started: {error.strerror}.")
            return
        try:
            told = {"hub_id": entry.hub_id, "cache": str(cache_folder(os.environ))}
            process.send(json.dumps(told).encode() + b"\n")
            async for line in process.lines:
                self._hear(download_id, line)
            status = await process.end()
        finally:
            self._process = None
            process.kill()
        if not self._found[download_id].state.is_final:
            self._fail(
                download_id,
                "engine",
                f"The download ended by itself with status {status}. What has "
                "arrived stays: start it again; it resumes where it stopped.",
            )

    def _hear(self, download_id: str, line: bytes) -> None:
        if self._found[download_id].state.is_final:
            return
        try:
            said: Any = json.loads(line)
            match said["event"]:
                case "progress":
                    self._change(
                        download_id,
                        state=DownloadState.RUNNING,
                        done_bytes=int(said["done_bytes"]),
                        total_bytes=int(said["total_bytes"]),
                        seconds_left=said["seconds_left"],
                    )
                case "done":
                    self._change(download_id, state=DownloadState.DONE, seconds_left=None)
                case "failed":
                    self._fail(download_id, str(said["code"]), str(said["message"]))
                case _:
                    pass
        except (ValueError, KeyError, TypeError):
            _log.warning("A download said %.200r", line)

    def _fail(self, download_id: str, code: str, sentence: str) -> None:
        _log.info("Download of %s: %s", self._found[download_id].model, sentence)
        problem = Problem(code, sentence)
        self._change(download_id, state=DownloadState.FAILED, problem=problem, seconds_left=None)

    def _change(self, download_id: str, **fields: Any) -> None:  # noqa: ANN401 - of a download
        self._found[download_id] = replace(self._found[download_id], **fields)
        if self._found[download_id].state.is_final:
            self._on_end()
