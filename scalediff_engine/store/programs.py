"""Where other programs keep models; nothing of theirs is ever changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# Below the folder of a program; those of the first kind that are there are looked through.
_INSIDE = (
    ("ComfyUI", ("models/checkpoints", "models/diffusion_models", "models/unet")),
    ("A1111/Forge", ("models/Stable-diffusion",)),
)
_COMFY = (
    "ComfyUI",
    "comfy/ComfyUI",
    "Documents/ComfyUI",
    "ComfyUI_windows_portable/ComfyUI",
    ".local/share/krita/ai_diffusion/server/ComfyUI",
    "AppData/Roaming/krita/ai_diffusion/server/ComfyUI",
    "Library/Application Support/krita/ai_diffusion/server/ComfyUI",
)
_WEBUI = (
    "stable-diffusion-webui",
    "stable-diffusion-webui-forge",
    "stable-diffusion-webui-reForge",
    "Forge",
)
_INVOKE = ("invokeai", "InvokeAI")


class Place(NamedTuple):
    """A folder with models.

    Attributes:
        path: of the folder
        source: whose it is
    """

    path: Path
    source: str


def places_of_programs(environment: Mapping[str, str]) -> tuple[Place, ...]:
    """The folders of ComfyUI, of A1111 and Forge, and of InvokeAI that are there.

    Args:
        environment: tells the home folder; ``COMFYUI_PATH``, ``SD_WEBUI_PATH`` and
            ``INVOKEAI_ROOT`` in it name a program's folder elsewhere
    """
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or Path.home())
    comfy = [*_told(environment, "COMFYUI_PATH"), *(home / one for one in _COMFY)]
    webui = [*_told(environment, "SD_WEBUI_PATH"), *(home / one for one in _WEBUI)]
    invoke = [*_told(environment, "INVOKEAI_ROOT"), *(home / one for one in _INVOKE)]
    found = [place for root in (*comfy, *webui) for place in inside(root)]
    found += [Place(root / "models", "InvokeAI") for root in invoke if _is_there(root / "models")]
    distinct: dict[Path, Place] = {}
    for place in found:
        distinct.setdefault(_real(place.path), place)
    return tuple(distinct.values())


def inside(root: Path) -> tuple[Place, ...]:
    """The folders with whole models in the folder of a program; empty if it is none.

    Looking through all of it would take LoRAs, ControlNets and upscalers for broken models.
    """
    for source, folders in _INSIDE:
        found = [Place(root / folder, source) for folder in folders]
        there = tuple(place for place in found if _is_there(place.path))
        if there:
            return there
    return ()


def _told(environment: Mapping[str, str], variable: str) -> list[Path]:
    value = environment.get(variable)
    return [Path(value)] if value else []


def _is_there(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path
