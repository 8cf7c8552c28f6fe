from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from installer.layout import Layout
from installer.stamp import Seen, Stamp, Verdict, digest_of, judge, look, read_stamp, write_stamp

STAMP = Stamp(
    env="/clone/.venv",
    clone="/clone",
    interpreter="/usr/bin/python3.11",
    python="3.11",
    site_packages="lib/python3.11/site-packages",
    digest="d1",
    key="k1",
    extras=("dev",),
    torch="cpu",
    backend="cpu",
    installed={"numpy==2.4.6": ("numpy", "numpy.libs"), "torch==2.13.0+cpu": ("torch",)},
)
NAMES = frozenset(
    {"numpy", "numpy.libs", "numpy-2.4.6.dist-info", "torch", "torch-2.13.0+cpu.dist-info", "mine"}
)
SEEN = Seen(
    env="/clone/.venv",
    clone="/clone",
    interpreter="/usr/bin/python3.11",
    names=NAMES,
    has_program=True,
    digest="d1",
    extras=(),
    torch="cpu",
)


def test_an_environment_that_holds_what_its_stamp_says_is_fresh() -> None:
    assert judge(STAMP, SEEN).verdict is Verdict.FRESH


def test_an_environment_without_a_stamp_is_made_anew() -> None:
    assert judge(None, SEEN).verdict is Verdict.BROKEN


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (replace(SEEN, env="/copy/.venv"), "it was made in /clone/.venv"),
        (replace(SEEN, interpreter=""), "its Python 3.11 is gone"),
        (replace(SEEN, has_program=False), "its scalediff program is gone"),
        (replace(SEEN, names=NAMES - {"numpy.libs"}), "files of numpy==2.4.6 are gone"),
        (replace(SEEN, torch="cuda"), "its PyTorch is for cpu and this machine has cuda"),
    ],
)
def test_what_pip_would_not_notice_has_the_environment_made_anew(seen: Seen, reason: str) -> None:
    finding = judge(STAMP, seen)

    assert (finding.verdict, finding.reason) == (Verdict.BROKEN, reason)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (replace(SEEN, interpreter="/usr/bin/python3.12"), "its Python moved"),
        (replace(SEEN, clone="/other"), "it served /clone"),
        (replace(SEEN, extras=("dev", "ui")), "it lacks ui"),
        (replace(SEEN, digest="d2"), "the dependencies may have changed"),
        (
            replace(SEEN, names=NAMES - {"numpy", "numpy-2.4.6.dist-info"}),
            "numpy==2.4.6 is gone",
        ),
    ],
)
def test_what_pip_can_mend_is_looked_at_closer(seen: Seen, reason: str) -> None:
    finding = judge(STAMP, seen)

    assert (finding.verdict, finding.reason) == (Verdict.CHANGED, reason)


def test_an_unplugged_graphics_card_costs_no_download() -> None:
    assert judge(replace(STAMP, torch="cuda"), SEEN).verdict is Verdict.FRESH


def test_a_stamp_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_stamp(tmp_path / "stamp.json", STAMP)

    assert read_stamp(tmp_path / "stamp.json") == STAMP
    assert [path.name for path in tmp_path.iterdir()] == ["stamp.json"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"format": 0}', '{"format": 1}', '{"format": 1, "extras": 3}'],
)
def test_a_stamp_that_is_cut_off_or_foreign_counts_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stamp.json"
    path.write_text(text)

    assert read_stamp(path) is None


def test_a_stamp_that_is_not_there_counts_as_none(tmp_path: Path) -> None:
    assert read_stamp(tmp_path / "stamp.json") is None


def test_an_interpreter_that_leads_nowhere_is_seen_as_none(tmp_path: Path) -> None:
    layout = Layout(clone=tmp_path, env=tmp_path / ".venv")
    layout.scripts.mkdir(parents=True)
    layout.python.symlink_to(tmp_path / "removed-python")

    assert look(layout, STAMP, extras=(), accelerator="cpu").interpreter == ""


def test_bytes_that_move_from_one_file_to_the_next_change_the_digest(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"xy")
    second.write_bytes(b"z")
    before = digest_of((first, second))
    first.write_bytes(b"x")
    second.write_bytes(b"yz")

    assert digest_of((first, second)) != before
