from __future__ import annotations

import pytest

from scalediff_engine.client.environment import cleaned, display_variables

PLAIN = {"HOME": "/home/ann", "PATH": "/usr/bin:/bin", "DISPLAY": ":0", "LANG": "de_DE.UTF-8"}


def test_what_a_terminal_has_stays() -> None:
    assert cleaned(PLAIN, ":") == PLAIN


@pytest.mark.parametrize(
    "name",
    [
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "PYTHONDONTWRITEBYTECODE",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "DYLD_LIBRARY_PATH",
        "QT_PLUGIN_PATH",
        "QML2_IMPORT_PATH",
        "GIO_MODULE_DIR",
        "GTK_PATH",
        "GI_TYPELIB_PATH",
        "APPDIR",
        "PythonPath",  # Windows
    ],
)
def test_what_a_bundle_adds_is_left_out(name: str) -> None:
    assert cleaned({**PLAIN, name: "/bundle/lib"}, ":") == PLAIN


@pytest.mark.parametrize("keepsake", ["{}_ORIG", "APPRUN_ORIGINAL_{}", "APPIMAGE_ORIGINAL_{}"])
def test_what_a_bundle_kept_is_put_back(keepsake: str) -> None:
    poisoned = {**PLAIN, "LD_LIBRARY_PATH": "/b", keepsake.format("LD_LIBRARY_PATH"): "/opt/cuda"}
    assert cleaned(poisoned, ":") == {**PLAIN, "LD_LIBRARY_PATH": "/opt/cuda"}


def test_what_was_not_there_before_the_bundle_is_not_there_after() -> None:
    poisoned = {**PLAIN, "LD_LIBRARY_PATH": "/b", "LD_LIBRARY_PATH_ORIG": ""}
    assert cleaned(poisoned, ":") == PLAIN


def test_somebody_elses_variable_with_such_an_end_stays() -> None:
    mine = {**PLAIN, "MY_ORIG": "1", "_ORIG": "2"}
    assert cleaned(mine, ":") == mine


def test_paths_into_a_bundle_are_left_out_wherever_they_stand() -> None:
    poisoned = {
        **PLAIN,
        "APPDIR": "/run/mount_krita/",
        "PATH": "/run/mount_krita/usr/bin:/usr/bin:/bin:/run/mount_krita",
        "XDG_DATA_DIRS": "/run/mount_krita/usr/share",
        "EXIV2": "/run/mount_krita_other",
    }
    assert cleaned(poisoned, ":") == {**PLAIN, "EXIV2": "/run/mount_krita_other"}


def test_the_path_before_the_bundle_comes_back() -> None:
    poisoned = {**PLAIN, "PATH": "/b/bin", "PATH_ORIG": PLAIN["PATH"]}
    assert cleaned(poisoned, ":") == PLAIN


def test_an_empty_variable_stays_empty() -> None:
    assert cleaned({**PLAIN, "NO_COLOR": ""}, ":") == {**PLAIN, "NO_COLOR": ""}


def test_it_leaves_its_argument_alone() -> None:
    poisoned = {**PLAIN, "PYTHONPATH": "/x"}
    cleaned(poisoned, ":")
    assert poisoned == {**PLAIN, "PYTHONPATH": "/x"}


def test_a_dialog_is_told_the_display_and_nothing_else() -> None:
    environ = {**PLAIN, "LC_TIME": "C", "WAYLAND_DISPLAY": "w", "SECRET": "x"}
    assert display_variables(environ) == {
        "DISPLAY": ":0",
        "LANG": "de_DE.UTF-8",
        "LC_TIME": "C",
        "WAYLAND_DISPLAY": "w",
    }
