"""Where each result goes, and whether it could be written there: asked before any work."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from scalediff_engine.base.errors import OutputError, OutputExists, UsageError
from scalediff_engine.base.files import disk_of, free_bytes, same_place
from scalediff_engine.base.geometry import Size
from scalediff_engine.base.text import file_size
from scalediff_engine.batch.folder_scan import Source
from scalediff_engine.batch.naming import Destination, NameValues, result_name
from scalediff_engine.cli.events import Job
from scalediff_engine.cli.request import STREAM, Request
from scalediff_engine.cli.values import pattern_error
from scalediff_engine.client.batches import Existing
from scalediff_engine.client.naming import BadPattern, Pattern
from scalediff_engine.images.formats import Format, format_for, require_size, written_format


def output_path(source: Source, destination: Destination, values: NameValues) -> Path:
    """Return the file of a result, named by the pattern.

    Raises:
        UsageError: the pattern leaves no name.
        OutputError: the format cannot hold so large a picture.
    """
    try:
        pattern = Pattern(destination.pattern)
        name, form = result_name(source.path, pattern, destination.format, values)
    except BadPattern as error:
        raise pattern_error(destination.pattern, error) from error
    require_size(form, values.target)
    return Path(destination.folder_for(source.path, source.below)) / name


def named_output(file: Path, wanted: Format | None, target: Size) -> Path:
    """Give back a file that was named for a result, if one of this size can be written there.

    Args:
        file: of the command line
        wanted: its format; None = as it ends
        target: size of the result

    Raises:
        UsageError: its ending names no format or another one.
        OutputError: the format cannot hold so large a picture.
    """
    require_size(wanted or Format.PNG if file == STREAM else _format_of(file, wanted), target)
    return file


def is_there(path: Path) -> bool:
    """Whether a file is in a result's place.

    Raises:
        OutputError: something else is.
    """
    if path == STREAM:
        return False
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder, so no file of that name can be written.")
        return path.exists() or path.is_symlink()
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def exists_already(path: Path, existing: Existing) -> bool:
    """Whether a result is there that shall stay.

    Raises:
        OutputExists: it is there, and no option says what to do.
        OutputError: something else is in its place.
    """
    there = is_there(path)
    if there and existing is Existing.KEEP:
        raise OutputExists(
            f"{path} already exists; use --overwrite to replace it or --skip-existing to skip it."
        )
    return there and existing is Existing.SKIP


def settle_existing(job: Job, request: Request) -> Job | None:
    """Give a job as a result that may be there already allows it; None = it is skipped.

    A dry run refuses nothing: a note says what would happen.

    Raises:
        OutputExists, OutputError: see ``exists_already``.
    """
    output, existing = job.output, request.destination.existing
    if existing is Existing.SKIP or not request.dry_run or not is_there(output):
        return None if exists_already(output, existing) else job
    note = f"{output} already exists and would be replaced."
    if existing is Existing.KEEP:
        note = f"{output} already exists: without --overwrite or --skip-existing, this fails."
    return replace(job, notes=(*job.notes, note))


def room_notes(jobs: Iterable[Job]) -> tuple[str, ...]:
    """Say which disks have less free space than the results will need, by the formats' averages."""
    needed: Counter[int] = Counter()
    folders: dict[int, Path] = {}
    for job in jobs:
        if job.output == STREAM:
            continue
        folder = job.output.parent
        with suppress(OSError):  # the run will say what is wrong
            disk = disk_of(job.output)
            folders.setdefault(disk, folder)
            per_pixel = format_for(job.output).abilities.bytes_per_pixel
            needed[disk] += round(job.plan.target.area * per_pixel)
    notes: list[str] = []
    for disk, folder in folders.items():
        with suppress(OSError):
            free = free_bytes(folder)
            if needed[disk] > free:
                notes.append(
                    f"The results need about {file_size(needed[disk])}, and the disk with {folder} "
                    f"has {file_size(free)} free."
                )
    return tuple(notes)


def place_of(path: Path) -> str:
    """Return a key that two paths share exactly when they are one file on this system."""
    return same_place(os.path.realpath(path))


def _format_of(path: Path, wanted: Format | None) -> Format:
    named = written_format(path)
    if named is None:
        endings = ", ".join(form.extensions[0] for form in Format)
        raise UsageError(f"Cannot write --output {path}: unknown file type. Supported: {endings}.")
    if wanted is not None and named is not wanted:
        raise UsageError(f"--output {path} is {named.value}, but --format says {wanted.value}.")
    return named
