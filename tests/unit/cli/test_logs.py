from __future__ import annotations

import logging
from pathlib import Path

import pytest

from scalediff_engine.cli.logs import logging_to

ODD = "a\x1b[2J\nb.png"
SHOWN = r"a\x1b[2J\nb.png"


def test_control_characters_of_names_reach_neither_the_terminal_nor_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "log"
    log = logging.getLogger("scalediff_engine.some")
    with logging_to(2, file, ["upscale", ODD], {}):
        log.info("input=%s", ODD)
        try:
            raise ValueError(ODD)
        except ValueError:
            log.debug("traceback", exc_info=True)
    for text in (capsys.readouterr().err, file.read_text()):
        assert f"input={SHOWN}\n" in text
        assert r"ValueError: a\x1b[2J" in text
        assert "\x1b" not in text
