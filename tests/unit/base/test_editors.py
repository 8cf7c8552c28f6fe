"""Editors are found in fake roots of all systems and packagings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from scalediff_engine.base.editors import Computer, Editor, find_hosts


def computer(
    folder: Path,
    platform: str,
    *there: str,
    programs: tuple[str, ...] = (),
    environ: Mapping[str, str] | None = None,
) -> Computer:
    """A computer with some folders; those below ``~`` are the user's."""
    for name in there:
        (folder / name.replace("~", "home/ada")).mkdir(parents=True)
    finds = programs.__contains__
    return Computer(folder / "home/ada", platform, environ or {}, folder, finds)


def described(found: Computer) -> dict[str, str]:
    """The name of each host that was found -> its folder, seen from the root."""
    return {
        host.name: host.plugins.relative_to(found.root).as_posix().replace("home/ada", "~")
        for host in find_hosts(found)
        if host.is_found
    }


@pytest.mark.parametrize(
    ("platform", "there", "expected"),
    [
        ("linux", ("~/.local/share/krita",), {"Krita": "~/.local/share/krita/pykrita"}),
        (
            "linux",
            ("~/.var/app/org.kde.krita",),
            {},
        ),
        (
            "linux",
            ("~/.var/app/org.kde.krita/data/krita",),
            {"Krita (Flatpak)": "~/.var/app/org.kde.krita/data/krita/pykrita"},
        ),
        (
            "linux",
            ("var/lib/flatpak/app/org.kde.krita",),
            {"Krita (Flatpak)": "~/.var/app/org.kde.krita/data/krita/pykrita"},
        ),
        (
            "linux",
            ("~/.local/share/flatpak/app/org.kde.krita", "~/.local/share/krita"),
            {
                "Krita": "~/.local/share/krita/pykrita",
                "Krita (Flatpak)": "~/.var/app/org.kde.krita/data/krita/pykrita",
            },
        ),
        (
            "linux",
            ("snap/krita",),
            {"Krita (Snap)": "~/snap/krita/current/.local/share/krita/pykrita"},
        ),
        (
            "linux",
            ("~/.config/GIMP/2.10", "~/.config/GIMP/3.0", "~/.config/GIMP/3.2"),
            {
                "GIMP 3.0": "~/.config/GIMP/3.0/plug-ins",
                "GIMP 3.2": "~/.config/GIMP/3.2/plug-ins",
            },
        ),
        ("linux", ("~/.config/GIMP/2.10",), {}),
        (
            "linux",
            ("var/lib/flatpak/app/org.gimp.GIMP",),
            {"GIMP 3.0": "~/.config/GIMP/3.0/plug-ins"},
        ),
        (
            "linux",
            ("~/.var/app/org.gimp.GIMP/config/GIMP/3.2",),
            {"GIMP 3.2 (Flatpak)": "~/.var/app/org.gimp.GIMP/config/GIMP/3.2/plug-ins"},
        ),
        (
            "linux",
            ("snap/gimp", "~/snap/gimp/current/.config/GIMP/3.2"),
            {"GIMP 3.2 (Snap)": "~/snap/gimp/current/.config/GIMP/3.2/plug-ins"},
        ),
        (
            "win32",
            ("~/AppData/Roaming/krita", "~/AppData/Roaming/GIMP/3.0"),
            {
                "Krita": "~/AppData/Roaming/krita/pykrita",
                "GIMP 3.0": "~/AppData/Roaming/GIMP/3.0/plug-ins",
            },
        ),
        (
            "win32",
            ("~/AppData/Local/Packages/49800Krita_x/LocalCache/Roaming/krita",),
            {
                "Krita (Microsoft Store)": (
                    "~/AppData/Local/Packages/49800Krita_x/LocalCache/Roaming/krita/pykrita"
                )
            },
        ),
        (
            "win32",
            ("~/AppData/Local/Programs/GIMP 3",),
            {"GIMP 3.0": "~/AppData/Roaming/GIMP/3.0/plug-ins"},
        ),
        (
            "darwin",
            ("Applications/krita.app", "~/Library/Application Support/GIMP/3.2"),
            {
                "Krita": "~/Library/Application Support/krita/pykrita",
                "GIMP 3.2": "~/Library/Application Support/GIMP/3.2/plug-ins",
            },
        ),
        ("darwin", (), {}),
        ("linux", (), {}),
        ("win32", (), {}),
    ],
)
def test_each_packaging_of_each_system_is_found(
    tmp_path: Path, platform: str, there: tuple[str, ...], expected: dict[str, str]
) -> None:
    assert described(computer(tmp_path, platform, *there)) == expected


def test_a_series_of_gimp_that_was_never_started_is_found_by_its_program(tmp_path: Path) -> None:
    found = computer(tmp_path, "linux", "~/.config/GIMP/3.0", programs=("gimp-3.2", "krita"))

    assert list(described(found)) == ["Krita", "GIMP 3.0", "GIMP 3.2"]


@pytest.mark.parametrize(
    ("platform", "there", "settings"),
    [
        ("linux", "~/.local/share/krita", "~/.config/kritarc"),
        (
            "linux",
            "~/.var/app/org.kde.krita/data/krita",
            "~/.var/app/org.kde.krita/config/kritarc",
        ),
        ("linux", "snap/krita", "~/snap/krita/current/.config/kritarc"),
        ("win32", "~/AppData/Roaming/krita", "~/AppData/Local/kritarc"),
        (
            "win32",
            "~/AppData/Local/Packages/49800Krita_x",
            "~/AppData/Local/Packages/49800Krita_x/LocalCache/Local/kritarc",
        ),
        ("darwin", "~/Library/Application Support/krita", "~/Library/Preferences/kritarc"),
    ],
)
def test_the_settings_of_each_krita_are_known(
    tmp_path: Path, platform: str, there: str, settings: str
) -> None:
    [host] = find_hosts(computer(tmp_path, platform, there), (Editor.KRITA,))

    assert host.settings is not None
    found = host.settings.relative_to(tmp_path).as_posix().replace("home/ada", "~")
    assert (host.is_found, found) == (True, settings)


def test_folders_that_variables_name_have_the_first_word(tmp_path: Path) -> None:
    environ = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "conf")}
    found = computer(tmp_path, "linux", "data/krita", "conf/GIMP/3.2", environ=environ)

    assert described(found) == {"Krita": "data/krita/pykrita", "GIMP 3.2": "conf/GIMP/3.2/plug-ins"}


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_of_an_editor_that_is_not_there_the_usual_folder_is_named(
    tmp_path: Path, platform: str
) -> None:
    krita, gimp = find_hosts(computer(tmp_path, platform))

    assert (krita.editor, krita.is_found) == (Editor.KRITA, False)
    assert krita.plugins.name == "pykrita"
    assert (gimp.editor, gimp.is_found) == (Editor.GIMP, False)
    assert gimp.plugins.parts[-3:] == ("GIMP", "3.0", "plug-ins")
