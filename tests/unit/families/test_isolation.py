"""No code outside of ``families`` knows a family by name, and each can be taken away."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from model_files import flux, unet, write_model

from scalediff_engine.base.errors import ModelError
from scalediff_engine.bench.random_components import load_random
from scalediff_engine.cli.model_report import show_models
from scalediff_engine.families import registry
from scalediff_engine.server.model_list import list_models
from scalediff_engine.spec.family import FamilySpec
from scalediff_engine.store.header import read_header
from scalediff_engine.store.inspect import inspect
from scalediff_engine.store.unsupported import refuse_unsupported

ROOT = Path(__file__).parents[3]
NAMES = re.compile(r"\b(sd15|sd21|sdxl|flux|lumina)\b", re.IGNORECASE)
ELSEWHERE = ("tests/", "docs/", "scalediff_engine/families/", "scalediff_engine/embedded/training/")
# A model that does not run is refused by its name, and a product decision: what is offered first.
ALLOWED = {
    '("cap_embedder.", "a Lumina or Z-Image model"),',
    '_OFFERED = ("sdxl", "flux-schnell", "sd15")',
}


def _lines() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("needs the files that git lists")
    files = [name for name in listed.stdout.splitlines() if not name.startswith(ELSEWHERE)]
    assert "scalediff_engine/store/inspect.py" in files
    for name in files:
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            yield name, line.strip()


def test_only_its_own_folder_names_a_family() -> None:
    found = [(name, line) for name, line in _lines() if NAMES.search(line)]
    assert [(name, line) for name, line in found if line not in ALLOWED] == []
    assert {line for _, line in found} == ALLOWED
    assert len(ALLOWED) <= 5


FILES = {"sd15": unet(768), "sd21": unet(1024), "sdxl": unet(2048), "flux": flux(guided=True)}
OTHERS = [family for family in registry.FAMILIES if not family.comes_with_program]


@pytest.mark.parametrize("removed", OTHERS, ids=lambda family: family.name)
def test_without_one_family_the_others_work(
    removed: FamilySpec,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    rest = tuple(family for family in registry.FAMILIES if family is not removed)
    monkeypatch.setattr(registry, "FAMILIES", rest)
    for name, shapes in FILES.items():
        path = write_model(tmp_path / f"{name}.safetensors", shapes)
        if name == removed.name:
            with pytest.raises(ModelError) as caught:
                registry.facts(str(path))
            assert removed.title not in str(caught.value).partition("ScaleDiff runs")[2]
            continue
        assert inspect(path, rest).family == name
        assert registry.facts(str(path)) in registry.all_forms()
    listed = {info.name for info in list_models(None, {"HF_HUB_CACHE": str(tmp_path)}).models}
    assert listed == {form.name for form in registry.all_forms()}
    assert not listed & {form.name for form in removed.forms}
    show_models(json=False)
    assert removed.forms[0].title not in capsys.readouterr().out
    with pytest.raises(ModelError):
        load_random(removed.forms[0].name, "cpu")


def test_a_family_lifts_the_refusal_of_its_own_mark(tmp_path: Path) -> None:
    shapes = flux(guided=False) | {"distilled_guidance_layer.in_proj.bias": (1,)}
    header = read_header(write_model(tmp_path / "chroma.safetensors", shapes))
    with pytest.raises(ModelError, match="Chroma"):
        refuse_unsupported(header, registry.FAMILIES)
    claiming = replace(registry.FAMILIES[-1], claims=("distilled_guidance_layer.",))
    refuse_unsupported(header, (*registry.FAMILIES, claiming))
