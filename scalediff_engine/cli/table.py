"""The plan of ``--dry-run`` as a table: a line for each stage, aligned, nothing cut off."""

from __future__ import annotations

from collections.abc import Sequence

from scalediff_engine.base.text import duration, gib
from scalediff_engine.cli.events import Job
from scalediff_engine.cli.words import one_line, plural

HEADER = ("INPUT", "SIZE", "RESULT", "STAGE", "CANVAS", "FROM", "STEPS", "MEMORY", "TIME", "OUTPUT")


def plan_table(jobs: Sequence[Job]) -> str:
    """Give the table, with a line of totals where there is more than one picture."""
    rows: list[tuple[str, ...]] = [HEADER]
    for job in jobs:
        rows.extend(_rows(job))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    if len(jobs) > 1:
        peak = gib(max(job.plan.cost.peak_bytes for job in jobs))
        total = duration(sum(job.seconds for job in jobs))
        lines.append(f"{plural(len(jobs), 'picture')}, at most {peak}, about {total} in all.")
    return "\n".join(lines)


def _rows(job: Job) -> list[tuple[str, ...]]:
    plan = job.plan
    head = ("-", "-", str(plan.target))
    if job.source is not None:
        head = (one_line(str(job.source)), str(plan.source), str(plan.target))
    tail = (gib(plan.cost.peak_bytes), duration(job.seconds), one_line(str(job.output)))
    rows: list[tuple[str, ...]] = []
    for number, stage in enumerate(plan.stages, 1):
        first = number == 1
        begin = "noise" if first and plan.from_noise else str(stage.t_start)
        middle = (f"{number}", str(stage.canvas), begin, str(stage.steps))
        rows.append((*(head if first else ("",) * 3), *middle, *(tail if first else ("",) * 3)))
    return rows
