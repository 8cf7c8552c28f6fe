"""What a row says, in words."""

from __future__ import annotations

from scalediff_engine.batch.conflicts import NameConflict
from scalediff_engine.batch.folder_scan import MIN_SIDE_PX, Skip, SkipReason
from scalediff_engine.client.batches import BatchState, Existing
from scalediff_engine.ui import words
from scalediff_engine.ui.folder.rows import Filter, Rows, Status
from scalediff_engine.ui.language import translate


def short(rows: Rows, index: int, existing: Existing, fraction: float | None = None) -> str:
    """Give a file's state in a few words.

    Args:
        rows: all files
        index: which
        existing: what becomes of results that are there already
        fraction: of the file, if it is the one under way
    """
    status = rows.status(index)
    if status is Status.EXISTS:
        return _of_existing(existing)
    if status is Status.WRONG_NAME:
        return _of_conflict(rows.conflict(index))
    if status is Status.RUNNING and fraction is not None:
        return translate("Rows", "Running, {percent}").format(
            percent=words.zoom(round(fraction, 2))
        )
    if status is Status.DONE:
        return translate("Rows", "Done in {duration}").format(
            duration=words.duration(rows.seconds(index))
        )
    return {
        Status.READY: translate("Rows", "Ready"),
        Status.WILL_NOT_FIT: translate("Rows", "Will not fit"),
        Status.WAITING: translate("Rows", "Waiting"),
        Status.RUNNING: translate("Rows", "Running"),
        Status.SKIPPED: translate("Rows", "Skipped"),
        Status.FAILED: translate("Rows", "Failed"),
        Status.CANCELLED: translate("Rows", "Cancelled"),
    }[status]


def full(rows: Rows, index: int, existing: Existing) -> str:
    """Give the whole sentence on what is wrong with a file; empty = nothing is."""
    problem = rows.problem(index)
    if problem is not None:
        return problem.message
    status, target = rows.status(index), rows.target(index)
    if status is Status.WILL_NOT_FIT:
        return rows.unfit(index)
    if status is Status.EXISTS:
        if existing is Existing.REPLACE:
            return translate("Rows", "{path} is there already and will be replaced.").format(
                path=target
            )
        return translate("Rows", "{path} is there already and stays as it is.").format(path=target)
    if status is Status.WRONG_NAME:
        return _sentence_of_conflict(rows.conflict(index), target)
    return ""


def _of_existing(existing: Existing) -> str:
    return {
        Existing.SKIP: translate("Rows", "There already, will be skipped"),
        Existing.REPLACE: translate("Rows", "There already, will be replaced"),
        Existing.KEEP: translate("Rows", "There already, will count as failed"),
    }[existing]


def _of_conflict(conflict: NameConflict | None) -> str:
    return {
        NameConflict.DUPLICATE: translate("Rows", "Name taken twice"),
        NameConflict.OWN_SOURCE: translate("Rows", "Would replace its source"),
        NameConflict.OTHER_SOURCE: translate("Rows", "Would replace another source"),
        NameConflict.FORBIDDEN: translate("Rows", "Name not possible here"),
        NameConflict.TOO_LONG: translate("Rows", "Name too long"),
        NameConflict.TOO_LARGE: translate("Rows", "Too large for the format"),
    }.get(conflict or NameConflict.NO_NAME, translate("Rows", "No name"))


def _sentence_of_conflict(conflict: NameConflict | None, path: str) -> str:
    sentence = {
        NameConflict.DUPLICATE: translate(
            "Rows",
            "Another picture would become {path} too. Use {ext} in the name, another format or "
            "another folder.",
        ),
        NameConflict.OWN_SOURCE: translate(
            "Rows", "The result would replace the picture itself: {path}. Another name would work."
        ),
        NameConflict.OTHER_SOURCE: translate(
            "Rows",
            "The result would replace another picture of this list: {path}. Another name would "
            "work.",
        ),
        NameConflict.FORBIDDEN: translate(
            "Rows", "{path} has characters in its name that this system does not take."
        ),
        NameConflict.TOO_LONG: translate("Rows", "{path} is longer than this system takes."),
        NameConflict.TOO_LARGE: translate(
            "Rows", "The result is too large for this format; TIFF would work."
        ),
    }.get(conflict or NameConflict.NO_NAME, translate("Rows", "There is no name for the result."))
    return sentence.format(path=path, ext="{ext}")


def skip_reason(found: SkipReason) -> str:
    """Give why files were left aside."""
    return {
        SkipReason.NO_PICTURE: translate("Skips", "Not a picture"),
        SkipReason.HIDDEN: translate("Skips", "Hidden"),
        SkipReason.UNSUPPORTED: translate("Skips", "Format not supported"),
        SkipReason.UNREADABLE: translate("Skips", "Cannot be read"),
        SkipReason.FOLDER_UNREADABLE: translate("Skips", "Folder cannot be read"),
        SkipReason.NAME_NOT_UTF8: translate("Skips", "Name not in UTF-8"),
        SkipReason.OWN_RESULT: translate("Skips", "Result of an earlier run"),
        SkipReason.TOO_SMALL: translate("Skips", "Too small"),
        SkipReason.SUBFOLDER: translate("Skips", "Folder that is not looked into"),
        SkipReason.DUPLICATE: translate("Skips", "Same file again"),
        SkipReason.MISSING: translate("Skips", "Not there"),
    }[found]


def skip_detail(skip: Skip) -> str:
    """Give a sentence that says more than the reason; may be empty."""
    width, height = skip.size or (0, 0)
    return {
        SkipReason.UNSUPPORTED: translate(
            "Scan", "{detail} files are not supported; convert them to PNG or TIFF first."
        ),
        SkipReason.UNREADABLE: "{detail}",
        SkipReason.FOLDER_UNREADABLE: translate(
            "Scan", "The folder {path} cannot be read: {detail}."
        ),
        SkipReason.NAME_NOT_UTF8: translate(
            "Scan", "The file's name is not in UTF-8; another name would work."
        ),
        SkipReason.TOO_SMALL: translate(
            "Scan", "It has {width} × {height} pixels; {least} a side are the least."
        ),
        SkipReason.MISSING: translate("Scan", "There is no file {path}."),
    }.get(skip.reason, "").format(
        path=skip.path,
        detail=skip.detail,
        width=width,
        height=height,
        least=MIN_SIDE_PX,
    )


def filter_name(wanted: Filter) -> str:
    """Give the name of a filter."""
    return {
        Filter.ALL: translate("Filter", "All"),
        Filter.TO_DO: translate("Filter", "To do"),
        Filter.DONE: translate("Filter", "Done"),
        Filter.SKIPPED: translate("Filter", "Skipped"),
        Filter.ERRORS: translate("Filter", "Errors"),
    }[wanted]


def batch_state(state: BatchState) -> str:
    """Give where a batch stands."""
    return {
        BatchState.OPEN: translate("Batch", "Being handed over"),
        BatchState.RUNNING: translate("Batch", "Running"),
        BatchState.PAUSED: translate("Batch", "Paused"),
        BatchState.CANCELLED: translate("Batch", "Cancelled"),
        BatchState.DONE: translate("Batch", "Finished"),
    }[state]
