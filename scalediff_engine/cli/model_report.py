"""``scalediff models``: which models there are, and what one is by its header alone."""

from __future__ import annotations

import json as json_format
import os
from collections import Counter
from pathlib import Path
from typing import Any

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.base.text import gib
from scalediff_engine.cli import streams
from scalediff_engine.cli.streams import one_line
from scalediff_engine.families import registry as families
from scalediff_engine.families.registry import FAMILIES, all_forms, facts_of, family_of, registered
from scalediff_engine.spec.checkpoint import TITLES, Checkpoint, Layout, LoraFile, Part
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.store.catalog import aliases
from scalediff_engine.store.header import read_header, weight_files
from scalediff_engine.store.hub_cache import cache_folder
from scalediff_engine.store.inspect import inspect, inspect_lora, title
from scalediff_engine.store.locate import cached_models, locate

_PREDICTIONS = {"epsilon": "the noise", "v_prediction": "v", "flow": "a flow"}
_PRECISIONS = {
    "F64": "64 bit",
    "F32": "32 bit",
    "F16": "16 bit (float16)",
    "BF16": "16 bit (bfloat16)",
    "F8_E4M3": "8 bit (e4m3)",
    "F8_E5M2": "8 bit (e5m2)",
}
# Of all bytes; a few numbers in another precision are in almost every file.
_WORTH_TELLING = 0.01

Rows = list[tuple[str, str]]


def show_models(*, json: bool) -> int:
    """Write a line for each family and one for each model in the cache of Hugging Face."""
    found = cached_models(FAMILIES)
    if json:
        for family in all_forms():
            streams.to_stdout(json_format.dumps(family_object(family)))
        for model in found:
            streams.to_stdout(json_format.dumps({**model_object(model), "word": _word(model)}))
        return 0
    width = max(len(family.name) for family in all_forms())
    for family in all_forms():
        streams.to_stdout(f"{family.name:<{width}}  {family.native!s:>9}  {family.title}")
    streams.to_stdout("")
    if not found:
        streams.to_stdout(
            one_line(
                f"There are no models in {cache_folder(os.environ)}. A .safetensors file or a "
                "folder elsewhere works too: `scalediff models FILE` says what it is."
            )
        )
        return 0
    streams.to_stdout(one_line(f"In {cache_folder(os.environ)}, for --model:"))
    for model in found:
        name = facts_of(model).name
        size = gib(model.weight_bytes)
        streams.to_stdout(one_line(f"{name:<{width}}  {size:>9}  {_word(model)}"))
    return 0


def show_model(word: str, *, json: bool) -> int:
    """Write what the model that ``word`` means is.

    Args:
        word: what ``--model`` or ``--lora`` takes
        json: as one object, whose fields ``model_object`` and ``lora_object`` have

    Raises:
        ModelMissing: it is not there.
        ModelError: it is damaged, or nothing that runs here.
    """
    named = registered(word)
    if named is not None and families.comes_with_program(word):
        _write(family_object(named), _facts_rows(named), json=json)
        return 0
    try:
        path = locate(word, families.FAMILIES)
    except ModelMissing:
        family = _without_a_place(word)
        if family is None:
            raise
        _write(family_object(family), _family_rows(family), json=json)
        return 0
    try:
        found = inspect(path, families.FAMILIES)
    except ModelError:
        lora = _lora(path)
        if lora is None:
            raise
        _write(lora_object(lora), _lora_rows(lora), json=json)
        return 0
    _write(model_object(found), _rows(found), json=json)
    return 0


def model_object(found: Checkpoint) -> dict[str, Any]:
    """Give a checkpoint as an object with stable fields."""
    facts = facts_of(found)
    return {
        "kind": "model",
        "path": str(found.path),
        "layout": found.layout.value,
        "name": facts.name,
        "title": facts.title,
        "family": found.family,
        "variant": found.variant,
        "distilled": found.distilled,
        "prediction": found.prediction,
        "zero_terminal_snr": found.zero_terminal_snr,
        "guidance_embedded": found.guidance_embedded,
        "native": list(facts.native),
        "precision": dict(precisions(found)),
        "bytes": found.weight_bytes,
        "parts": sorted(found.parts),
        "missing": list(missing_parts(found)),
        "notes": list(found.notes),
    }


def lora_object(lora: LoraFile) -> dict[str, Any]:
    """Give a LoRA as an object with stable fields."""
    return {
        "kind": "lora",
        "path": str(lora.path),
        "family": lora.family,
        "variant": lora.variant,
        "rank": lora.rank,
        "notes": list(lora.notes),
    }


def family_object(facts: FamilyFacts) -> dict[str, Any]:
    """Give a family as an object with stable fields."""
    return {
        "kind": "family",
        "name": facts.name,
        "title": facts.title,
        "native": list(facts.native),
        "generates": facts.base is not None,
    }


def precisions(found: Checkpoint) -> Counter[str]:
    """Count the bytes of the weights in each of the format's types, the most frequent first."""
    files: tuple[Path, ...] = (found.path,)
    if found.layout is Layout.FOLDER:
        of_parts = (weight_files(found.path, part, found.file_variant) for part in found.parts)
        files = tuple(file for files in of_parts for file in files)
    count: Counter[str] = Counter()
    for file in files:
        for tensor in read_header(file).tensors.values():
            count[tensor.dtype] += tensor.size_bytes
    return Counter(dict(count.most_common()))


def missing_parts(found: Checkpoint) -> tuple[Part, ...]:
    """Name the networks of its family that a checkpoint does not hold."""
    return tuple(part for part in family_of(found).parts if part not in found.parts)


def _rows(found: Checkpoint) -> Rows:
    prediction = _PREDICTIONS[found.prediction]
    if found.zero_terminal_snr:
        prediction += ", on a schedule that ends in pure noise"
    held = (TITLES[part] for part in family_of(found).parts if part in found.parts)
    return [
        (found.layout.value.capitalize(), str(found.path)),
        *_facts_rows(facts_of(found)),
        ("Distilled", f"yes, {found.variant}: few steps" if found.distilled else "no"),
        ("Predicts", prediction),
        ("Precision", _precision_words(found)),
        ("Weights", gib(found.weight_bytes)),
        ("Holds", ", ".join(held)),
        ("Missing", _missing_words(found)),
        *(("Note", note) for note in found.notes),
    ]


def _without_a_place(word: str) -> FamilyFacts | None:
    """The family of this name that has many files and no one place to find it."""
    return None if word.lower() in aliases(families.FAMILIES) else registered(word)


def _family_rows(family: FamilyFacts) -> Rows:
    where = "in many files; --model takes a .safetensors file, a folder, or a Hugging Face repo id"
    return [*_facts_rows(family), ("Comes", where)]


def _facts_rows(facts: FamilyFacts) -> Rows:
    stages = {stage.steps for row in facts.stage_table for stage in row}
    steps = f"{' or '.join(str(count) for count in sorted(stages))} a stage"
    if facts.base is not None:
        steps += f", {facts.base.steps} for a new picture"
    return [
        ("Model", facts.title),
        ("Family", facts.name),
        ("Native size", str(facts.native)),
        ("Steps", steps),
        ("Makes", "enlargements and new pictures" if facts.base else "enlargements"),
    ]


def _precision_words(found: Checkpoint) -> str:
    count = precisions(found)
    total = max(1, count.total())
    told = [
        f"{_PRECISIONS.get(kind, kind)}" + (f" {share:.0%}" if share < 1 - _WORTH_TELLING else "")
        for kind, size in count.most_common()
        if (share := size / total) >= _WORTH_TELLING
    ]
    return ", ".join(told) or "unknown"


def _missing_words(found: Checkpoint) -> str:
    missing = missing_parts(found)
    if not missing:
        return "nothing"
    parts = ", ".join(TITLES[part] for part in missing)
    return f"{parts}; --text-encoders-from a full {found.family} model brings what is missing"


def _lora(path: Path) -> LoraFile | None:
    try:
        return inspect_lora(path, families.FAMILIES) if path.is_file() else None
    except ModelError:
        return None


def _lora_rows(lora: LoraFile) -> Rows:
    return [
        ("File", str(lora.path)),
        ("Model", f"a LoRA for {lora.family}; --lora takes it"),
        ("Makes it", lora.variant or "the same model with another look"),
        ("Rank", str(lora.rank)),
        *(("Note", note) for note in lora.notes),
    ]


def _write(shown: dict[str, Any], rows: Rows, *, json: bool) -> None:
    if json:
        streams.to_stdout(json_format.dumps(shown))
        return
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        streams.to_stdout(one_line(f"{name:<{width}}  {value}"))


def _word(found: Checkpoint) -> str:
    """What ``--model`` takes for it: the hub's name of a folder, or else the path."""
    return title(found.path) if found.layout is Layout.FOLDER else str(found.path)
