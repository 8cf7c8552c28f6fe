"""What can be tested without widgets stays without them."""

from __future__ import annotations

from pathlib import Path

from test_ui_architecture import imported

from scalediff_engine.ui import folder

WITHOUT_QT = [
    "batch_model",
    "estimate",
    "input_model",
    "model",
    "rows",
    "settings",
]


def test_models_need_no_widgets() -> None:
    for name in WITHOUT_QT:
        file = Path(folder.__file__).with_name(f"{name}.py")
        strange = {found for found in imported(file) if found.startswith("PySide6")}
        assert not strange, name
