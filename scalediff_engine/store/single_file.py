"""What one ``.safetensors`` file is, told from its tensors' names and shapes and its words."""

from __future__ import annotations

from pathlib import Path

from scalediff_engine.spec.checkpoint import (
    Checkpoint,
    FileContents,
    Header,
    Layout,
    Part,
    Recognition,
)
from scalediff_engine.spec.family import Families, FamilySpec
from scalediff_engine.store.header import read_header
from scalediff_engine.store.name_hints import (
    NameHints,
    fp16_autoencoder_from_text,
    name_alone_note,
)
from scalediff_engine.store.unsupported import (
    refuse_unsupported,
    supported_models,
    unknown_file,
)


def inspect_file(path: Path, families: Families) -> Checkpoint:
    """Tell what the file at ``path`` is.

    Raises:
        ModelMissing: there is no such file.
        ModelError: it is damaged, or no model of a known family.
    """
    header = read_header(path)
    refuse_unsupported(header, families)
    texts = _texts(header)
    hints = NameHints(families)
    contents = FileContents(header, texts, hints.variant(*texts), supported_models(families))
    for family in families:
        found = family.recognize_file(contents)
        if found is not None:
            return _checkpoint(contents, family, found, hints)
    raise unknown_file(header, families)


def _checkpoint(
    contents: FileContents, family: FamilySpec, found: Recognition, hints: NameHints
) -> Checkpoint:
    header, texts = contents.header, contents.texts
    part_bytes = _part_bytes(header, family, found.prefix)
    *said, name = texts
    by_name_alone = (
        not found.variant_is_certain
        and hints.variant(name) == found.variant
        and hints.variant(*said) != found.variant
    )
    return Checkpoint(
        path=header.path,
        layout=Layout.FILE,
        family=family.name,
        variant=found.variant,
        prediction=found.prediction,
        parts=frozenset(part_bytes),
        weight_bytes=sum(part_bytes.values()),
        vae_safe_in_float16=family.vae_safe_in_float16 or fp16_autoencoder_from_text(*texts),
        zero_terminal_snr=found.zero_terminal_snr,
        guidance_embedded=found.guidance_embedded,
        naming=found.naming,
        prefix=found.prefix,
        notes=(name_alone_note(header.path.name, found.variant, "model"),) if by_name_alone else (),
    )


def _part_bytes(header: Header, family: FamilySpec, prefix: str) -> dict[Part, int]:
    """Bytes of each network that the file holds."""
    assert family.denoiser is not None  # families without one recognise no file
    held: dict[Part, int] = {family.denoiser: header.size_bytes(prefix)}
    for part, prefixes in family.prefixes.items():
        count = header.size_bytes(*prefixes)
        if count:
            held[part] = count
    return held


def _texts(header: Header) -> tuple[str, ...]:
    """What the author wrote, and the file's name, the more reliable first."""
    said = (
        header.metadata.get(f"modelspec.{key}", "")
        for key in ("prediction_type", "architecture", "title")
    )
    return (*said, header.path.stem)
