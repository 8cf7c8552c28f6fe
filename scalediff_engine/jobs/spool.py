"""Where uploads, checkpoints and results lie.

::

    FOLDER/images/ID.pixels            an upload, in the form of ``wire.pixels``
    FOLDER/jobs/ID/plan.json           what of the plan depends on the machine, kept for resuming
    FOLDER/jobs/ID/checkpoint          where the job stands
    FOLDER/jobs/ID/preview.jpg         the newest preview
    FOLDER/jobs/ID/result.pixels       the result, in the form of ``wire.pixels``

Each file appears whole or not at all.
"""

from __future__ import annotations

PLAN = "plan.json"
CHECKPOINT = "checkpoint"
PREVIEW = "preview.jpg"
RESULT = "result.pixels"
