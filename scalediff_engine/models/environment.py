"""What a process that is going to compute tells libraries before it imports them."""

from __future__ import annotations

import os
import sys
import warnings


def share_the_processor() -> None:
    """Let waiting threads sleep: spinning ones slow a run beside a busy editor several times."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def hush_libraries() -> None:
    """Keep other people's warnings out of our two sentences, unless Python was told otherwise."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
