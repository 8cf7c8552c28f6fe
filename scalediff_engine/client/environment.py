"""The environment of a process that an editor starts: without what the editor's bundle put there.

Krita gives its children a ``PYTHONPATH`` of its own, and as an AppImage ``PYTHONHOME`` and
``LD_LIBRARY_PATH`` too: another Python would load the wrong modules and libraries with them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

_DROPPED_PREFIXES = ("PYTHON", "DYLD_", "QML", "GST_", "GIMP2_", "GIMP3_", "KRITA_")
_DROPPED = frozenset(
    {
        "__PYVENV_LAUNCHER__",
        "APPDIR",
        "APPIMAGE",
        "ARGV0",
        "BABL_PATH",
        "FONTCONFIG_FILE",
        "FONTCONFIG_PATH",
        "GDK_PIXBUF_MODULEDIR",
        "GDK_PIXBUF_MODULE_FILE",
        "GEGL_PATH",
        "GIO_EXTRA_MODULES",
        "GIO_MODULE_DIR",
        "GI_TYPELIB_PATH",
        "GSETTINGS_SCHEMA_DIR",
        "GTK_DATA_PREFIX",
        "GTK_EXE_PREFIX",
        "GTK_IM_MODULE_FILE",
        "GTK_PATH",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "OWD",
        "QT_PLUGIN_PATH",
        "QT_QPA_PLATFORM_PLUGIN_PATH",
        "VIRTUAL_ENV",
    }
)
# How bundles keep what they have overwritten.
_ORIGINAL_SUFFIX = "_ORIG"
_ORIGINAL_PREFIXES = ("APPRUN_ORIGINAL_", "APPIMAGE_ORIGINAL_")

_DISPLAY = frozenset(
    {
        "DBUS_SESSION_BUS_ADDRESS",
        "DESKTOP_SESSION",
        "DISPLAY",
        "GTK_IM_MODULE",
        "LANG",
        "LANGUAGE",
        "QT_AUTO_SCREEN_SCALE_FACTOR",
        "QT_ENABLE_HIGHDPI_SCALING",
        "QT_FONT_DPI",
        "QT_IM_MODULE",
        "QT_IM_MODULES",
        "QT_QPA_PLATFORM",
        "QT_QPA_PLATFORMTHEME",
        "QT_SCALE_FACTOR",
        "QT_SCALE_FACTOR_ROUNDING_POLICY",
        "QT_SCREEN_SCALE_FACTORS",
        "WAYLAND_DISPLAY",
        "XAUTHORITY",
        "XCURSOR_SIZE",
        "XCURSOR_THEME",
        "XDG_ACTIVATION_TOKEN",
        "XDG_CURRENT_DESKTOP",
        "XDG_RUNTIME_DIR",
        "XDG_SESSION_DESKTOP",
        "XDG_SESSION_ID",
        "XDG_SESSION_TYPE",
        "XMODIFIERS",
    }
)


def cleaned(environ: Mapping[str, str], separator: str = os.pathsep) -> dict[str, str]:
    """Give an environment in which a program of another bundle starts as from a terminal.

    Args:
        environ: what the editor runs in
        separator: between the entries of a list of paths
    """
    originals = _originals(environ)
    bundle = environ.get("APPDIR", "").rstrip("/\\")
    clean: dict[str, str] = {}
    for name, value in environ.items():
        if _is_keepsake(name) or (_is_dropped(name) and name not in originals):
            continue
        kept = originals.get(name, value)
        if bundle:
            kept = _without(bundle, kept, separator)
        if kept or not value:  # what was empty before may mean something
            clean[name] = kept
    return clean


def display_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Give what a dialog needs to appear where the caller is, in the caller's language."""
    return {
        name: value for name, value in environ.items() if name in _DISPLAY or name.startswith("LC_")
    }


def _is_dropped(name: str) -> bool:
    upper = name.upper()  # Windows does not tell them apart
    return upper in _DROPPED or upper.startswith(_DROPPED_PREFIXES)


def _is_keepsake(name: str) -> bool:
    base = name[: -len(_ORIGINAL_SUFFIX)] if name.endswith(_ORIGINAL_SUFFIX) else ""
    return name.startswith(_ORIGINAL_PREFIXES) or _is_list_of_paths(base)


def _is_list_of_paths(name: str) -> bool:
    return name in ("PATH", "XDG_DATA_DIRS", "XDG_CONFIG_DIRS") or _is_dropped(name)


def _originals(environ: Mapping[str, str]) -> dict[str, str]:
    """Give what variables were before a bundle changed them; empty = they were not there."""
    found: dict[str, str] = {}
    for name, value in environ.items():
        if not _is_keepsake(name):
            continue
        for prefix in _ORIGINAL_PREFIXES:
            if name.startswith(prefix):
                found[name[len(prefix) :]] = value
                break
        else:
            found[name[: -len(_ORIGINAL_SUFFIX)]] = value
    return found


def _without(bundle: str, value: str, separator: str) -> str:
    """Take the entries out of a list of paths that lie in the bundle."""
    entries = value.split(separator)
    kept = [
        entry
        for entry in entries
        if entry != bundle and not entry.startswith((bundle + "/", bundle + "\\"))
    ]
    return value if len(kept) == len(entries) else separator.join(kept)
