"""Gives a fuzzer ids that exist, now and then; loaded by schemathesis in its own process."""

from __future__ import annotations

import json
import os
import random
from typing import Any

import schemathesis

from scalediff_engine.client.pixels import MEDIA_TYPE, PixelHeader, to_prefix

# By the name of a parameter of paths.
KNOWN: dict[str, list[str]] = json.loads(os.environ["FUZZ_IDS"])
_dice = random.Random(0)  # noqa: S311 - it only has to be the same each time


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Put an id that exists where the fuzzer made one up."""
    for name, ids in KNOWN.items():
        if case.path_parameters and name in case.path_parameters and _dice.random() < 0.5:
            case.path_parameters[name] = _dice.choice(ids)
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("image"), str) and _dice.random() < 0.7:
        body["image"] = _dice.choice(KNOWN["image_id"])


@schemathesis.serializer(MEDIA_TYPE)
def pixels(context: Any, value: Any) -> bytes:
    """Write out what was made up; of bytes, some begin as pixels do, and some are a picture."""
    made_up = getattr(value, "data", value)
    if not isinstance(made_up, bytes):
        return str(made_up).encode("utf-8", "replace")
    header = PixelHeader(len(made_up) or 1, 1, "grey", "u8")
    begins = _dice.choice([b"", b"SDPX", to_prefix(header)])
    return begins + made_up
