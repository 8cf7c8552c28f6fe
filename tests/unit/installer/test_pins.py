"""The pinned versions: complete, with hashes, and without an address of any index."""

from __future__ import annotations

import re
import tomllib

from installer.core.installation import CONSTRAINTS, CUDA_OVERRIDES, TORCH_CONSTRAINTS
from installer.pin import split
from installer.plugins import ROOT


def pins(text: str) -> dict[str, bool]:
    """Name of each package -> whether it has a hash."""
    blocks = re.findall(r"^([a-z0-9-]+)==(.*(?:\n +.*)*)", text, re.MULTILINE)
    return {name: "--hash=sha256:" in rest for name, rest in blocks}


def test_every_package_has_hashes_but_torch_whose_files_differ_from_index_to_index() -> None:
    found = pins(CONSTRAINTS.read_text())

    assert [name for name, has_hash in found.items() if not has_hash] == ["torch"]
    of_torch = pins(TORCH_CONSTRAINTS.read_text())
    assert of_torch["torch"]
    assert all(of_torch.values())


def test_every_dependency_of_the_project_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(each for extra in extras for each in extra)]
    names = {re.split(r"[\[<>=;]", each)[0].strip().lower() for each in wanted}

    assert names - set(pins(CONSTRAINTS.read_text())) == set()


def test_no_index_is_named() -> None:
    for file in (CONSTRAINTS, TORCH_CONSTRAINTS, CUDA_OVERRIDES):
        assert "://" not in file.read_text()


def test_files_of_torch_are_apart_from_the_others() -> None:
    compiled = (
        "idna==1 \\\n    --hash=sha256:a\n"
        "nvidia-cublas==2 ; sys_platform == 'linux' \\\n    --hash=sha256:b\n"
        "nvidia-ml-py==3 \\\n    --hash=sha256:c\n"
        "torch==4.0 \\\n    --hash=sha256:d \\\n    --hash=sha256:e\n"
    )

    others, torch = split(compiled)

    assert pins(others) == {"idna": True, "nvidia-ml-py": True, "torch": False}
    assert pins(torch) == {"nvidia-cublas": True, "torch": True}
    assert torch.endswith("--hash=sha256:e\n")
