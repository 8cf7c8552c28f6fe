"""Models that jobs can name: what there is, where they are looked for, and downloads."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from scalediff_engine.base.errors import UsageError, WrongState
from scalediff_engine.client.messages import (
    DownloadList,
    ModelDownload,
    ModelFolder,
    ModelList,
    ModelRemoved,
)
from scalediff_engine.families import registry as families
from scalediff_engine.server.model_list import remove_model
from scalediff_engine.server.routes.common import FolderBody, Id, ModelBody, TheEngine
from scalediff_engine.store.scan import add_folder, forget_folder

router = APIRouter(tags=["models"])


@router.get("/v1/models")
async def models(engine: TheEngine) -> ModelList:
    """List families and the models that are on this machine."""
    return await engine.models.fresh()


@router.post("/v1/models/folders", status_code=201)
async def add(wanted: FolderBody, engine: TheEngine) -> ModelFolder:
    """Look for models in a folder too, from now on."""
    path = _absolute(wanted.path)
    found = await engine.user_files.run(add_folder, engine.model_folders, path, families.FAMILIES)
    engine.models.outdate()
    return ModelFolder(str(path), is_added=True, models=len(found.models))


@router.post("/v1/models/folders/forget", status_code=204, response_class=Response)
async def forget(wanted: FolderBody, engine: TheEngine) -> Response:
    """Look there no more; the files stay."""
    await run_in_threadpool(forget_folder, engine.model_folders, _absolute(wanted.path))
    engine.models.outdate()
    return Response(status_code=204)


@router.post("/v1/models/remove")
async def remove(wanted: ModelBody, engine: TheEngine) -> ModelRemoved:
    """Delete a model that was downloaded."""
    name = wanted.model
    if engine.downloads.is_under_way(name):
        raise WrongState(f"{name} is being downloaded; cancel that first.")
    using = [
        j for j in engine.scheduler.jobs() if j.settings.model == name and not j.state.is_final
    ]
    if using:
        raise WrongState(f"{name} is needed: job {using[0].id} is {using[0].state.value}.")
    freed = await engine.user_files.run(remove_model, name)
    engine.models.outdate()
    return ModelRemoved(freed)


@router.post("/v1/models/downloads", status_code=201)
async def start(wanted: ModelBody, engine: TheEngine) -> ModelDownload:
    """Download a model into the cache of Hugging Face; resume one that stopped."""
    return engine.downloads.start(wanted.model)


@router.get("/v1/models/downloads")
async def downloads(engine: TheEngine) -> DownloadList:
    """Tell how downloads stand."""
    return DownloadList(engine.downloads.all())


@router.delete("/v1/models/downloads/{download_id}")
async def cancel(download_id: Id, engine: TheEngine) -> ModelDownload:
    """Stop a download; what has arrived stays."""
    return engine.downloads.cancel(download_id)


def _absolute(word: str) -> Path:
    path = Path(word)
    if not path.is_absolute() or "\0" in word:
        raise UsageError(f"{word!r} is no absolute path of a folder.")
    return path
