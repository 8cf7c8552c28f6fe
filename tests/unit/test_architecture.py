"""Light packages answer without torch, proven by importing all of them in a fresh process."""

from __future__ import annotations

import subprocess
import sys

LIGHT = "base batch client images jobs memory planning plugin_common server spec store upscalers"
IMPORT_ALL = """
import importlib, pkgutil, sys
import scalediff_engine

for package in sys.argv[1:]:
    found = importlib.import_module(f"scalediff_engine.{package}")
    for module in pkgutil.walk_packages(found.__path__, f"{found.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
import scalediff_engine.families.registry
print([name for name in ("torch", "diffusers", "transformers") if name in sys.modules])
"""


def test_light_packages_never_import_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *LIGHT.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
