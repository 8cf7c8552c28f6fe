"""From a request for a new picture to the job: everything that can be refused without a model."""

from __future__ import annotations

from scalediff_engine.base.files import require_folder
from scalediff_engine.batch.outputs import named_output, settle_existing
from scalediff_engine.cli.events import OUTPUT_EXISTS, Job, Skipped
from scalediff_engine.cli.jobs import Worklist
from scalediff_engine.cli.request import STREAM, GenerateRequest
from scalediff_engine.planning.machine import Machine
from scalediff_engine.planning.plan_generate import plan_generate
from scalediff_engine.planning.remarks import precision_notes, size_notes
from scalediff_engine.spec.family import FamilyFacts


def make_generate_worklist(
    request: GenerateRequest, facts: FamilyFacts, machine: Machine
) -> Worklist:
    """Settle the picture; the list has one job, or one that was left alone.

    Raises:
        UsageError: the model cannot do it, or the request makes no sense.
        OutputError: the result could not be written.
        NotEnoughMemory: it does not fit.
    """
    destination = request.destination
    assert destination.file is not None  # the request saw to it
    plan = plan_generate(request.size, facts, request.settings, machine.room)
    output = named_output(destination.file, destination.format, plan.target)
    notes = size_notes(plan.target, facts)
    notes += precision_notes(plan)
    job = settle_existing(Job(None, output, plan, machine.seconds(plan.cost), notes), request)
    if job is None:
        return Worklist(skipped=[Skipped(None, output, OUTPUT_EXISTS)])
    if output != STREAM:
        require_folder(output)
    machine.require_room(plan)
    return Worklist([job])
