"""The plug-ins of Krita and GIMP: installed into an editor, looked at, and removed again."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from scalediff_engine.base.editors import Editor, Host
from scalediff_engine.base.errors import NotFound, OutputError
from scalediff_engine.base.files import write_whole

NAME = "scalediff"
_ENGINE = Path(__file__).resolve().parents[1]
# Packages of the engine that each plug-in has a copy of.
SHARED = ("client", "plugin_common")
_KINDS = (".py", ".html")
_SECTION = "[python]"
_ENABLED = f"enable_{NAME}="


class State(StrEnum):
    """How a plug-in is in an editor."""

    ABSENT = "not installed"
    INSTALLED = "installed"
    BROKEN = "broken"


@dataclass(frozen=True)
class Status:
    """What was found in an editor.

    Attributes:
        host: the editor
        state: how the plug-in is
        problems: what is wrong, each a sentence
        is_loaded: whether GIMP lists it since its last start; none if that cannot be told
    """

    host: Host
    state: State
    problems: tuple[str, ...] = ()
    is_loaded: bool | None = None


def plugin_files(editor: Editor) -> dict[str, bytes]:
    """Return the files of a plug-in's folder, by their paths in it.

    Raises:
        NotFound: this program was installed without its plug-ins.
    """
    plugin = _source(editor)
    copies = plugin if editor is Editor.KRITA else plugin / "scalediff_gimp"
    built = {copies / name for name in SHARED}
    files = {
        file.relative_to(plugin).as_posix(): file.read_bytes()
        for file in sorted(plugin.rglob("*"))
        if file.suffix in _KINDS and not built.intersection(file.parents)
    }
    inside = "" if editor is Editor.KRITA else "scalediff_gimp/"
    for name in SHARED:
        for file in sorted((_ENGINE / name).glob("*.py")):
            files[f"{inside}{name}/{file.name}"] = file.read_bytes()
    return files


def files_beside(editor: Editor) -> dict[str, bytes]:
    """Return what lies beside the plug-in's folder, by paths relative to the folder of plug-ins.

    Raises:
        NotFound: this program was installed without its plug-ins.
    """
    if editor is Editor.GIMP:
        return {}
    source = _source(editor).parent
    return {
        f"{NAME}.desktop": (source / f"{NAME}.desktop").read_bytes(),
        f"../actions/{NAME}.action": (source / "actions" / f"{NAME}.action").read_bytes(),
    }


def _source(editor: Editor) -> Path:
    """Return the plug-in's folder in a clone, or in the installed program."""
    for root in (_ENGINE.parent, _ENGINE / "plugin_sources"):
        folder = root / f"plugin_{editor}" / NAME
        if folder.is_dir():
            return folder
    raise NotFound(
        f"This installation of ScaleDiff has no plug-in for {editor.label} in it. Take "
        f"scalediff-{editor}.zip of the same release, or start from a clone."
    )


def status(host: Host) -> Status:
    """Look at the plug-in in an editor; changes nothing.

    Raises:
        NotFound: as `plugin_files`.
    """
    folder = host.plugins / NAME
    try:
        loose = host.editor is Editor.GIMP and (host.plugins / f"{NAME}.py").exists()
        if not os.path.lexists(folder):
            return _status_without_folder(host, is_loose=loose)
        problems = list(_problems_of_files(host, folder))
        if not problems:
            problems += _problems_of_settings(host)
        is_loaded = _is_loaded(host, folder)
        if is_loaded is False and not problems:
            problems.append(
                f"{host.name} did not load it at its last start. Start it from a terminal: it "
                "says why."
            )
    except OSError as error:
        reason = error.strerror or str(error)
        return Status(host, State.BROKEN, (f"{folder} cannot be read: {reason}.",))
    return Status(host, State.BROKEN if problems else State.INSTALLED, tuple(problems), is_loaded)


def _status_without_folder(host: Host, *, is_loose: bool) -> Status:
    if is_loose:
        sentence = f"{host.plugins / NAME}.py lies outside of a folder {NAME}, where GIMP passes it"
        return Status(host, State.BROKEN, (f"{sentence} over.",))
    left = [name for name in files_beside(host.editor) if (host.plugins / name).exists()]
    if f"{NAME}.desktop" in left:
        sentence = f"{host.plugins / NAME}.desktop is there and its folder is not."
        return Status(host, State.BROKEN, (sentence,))
    return Status(host, State.ABSENT)


def _problems_of_files(host: Host, folder: Path) -> Generator[str]:
    if folder.is_symlink() and not folder.exists():
        yield f"{folder} is a link that leads nowhere."
        return
    if not folder.is_dir():
        yield f"{folder} is a file and should be a folder."
        return
    wanted = {f"{NAME}/{path}": data for path, data in plugin_files(host.editor).items()}
    wanted.update(files_beside(host.editor))
    entry = "__init__.py" if host.editor is Editor.KRITA else f"{NAME}.py"
    if not (folder / entry).exists() and (folder / NAME / entry).exists():
        yield f"The plug-in lies one folder too deep, in {folder / NAME}."
        return
    found = {path: _read(host.plugins / path) for path in wanted}
    missing = [path for path, data in found.items() if data is None]
    if missing:
        yield f"Missing files: {len(missing)} of {len(wanted)}, such as {missing[0]}."
    changed = [path for path, data in found.items() if data not in {None, wanted[path]}]
    if changed:
        yield f"Files of another version: {len(changed)}, such as {changed[0]}."
    script = folder / f"{NAME}.py"
    if host.editor is Editor.GIMP and script.exists() and not os.access(script, os.X_OK):
        yield f"{script} is not executable, and GIMP passes over it."


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _problems_of_settings(host: Host) -> Generator[str]:
    if host.settings is not None and not is_enabled(_text_of(host.settings)):
        yield (
            f"It is not enabled in {host.name}: Settings > Configure Krita > Python Plugin Manager."
        )


def _is_loaded(host: Host, folder: Path) -> bool | None:
    """Say whether GIMP lists its procedures; none if it was not started since then."""
    if host.editor is not Editor.GIMP:
        return None
    listed = host.plugins.parent / "pluginrc"
    try:
        if listed.stat().st_mtime <= folder.stat().st_ctime:
            return None
        return f'"{NAME}-upscale"' in listed.read_text("utf-8", "replace")
    except OSError:
        return None


def install(host: Host) -> None:
    """Install the plug-in, in place of another version, and enable it.

    Raises:
        NotFound: as `plugin_files`.
        OutputError: it cannot be written; what was there before still is.
    """
    files, beside = plugin_files(host.editor), files_beside(host.editor)
    folder = host.plugins / NAME
    draft, old = host.plugins / f".{NAME}-new", host.plugins / f".{NAME}-old"
    with _sentences(folder):
        host.plugins.mkdir(parents=True, exist_ok=True)
        _remove_tree(draft)
        _remove_tree(old)
        for path, data in files.items():
            file = draft / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        if host.editor is Editor.GIMP:
            (draft / f"{NAME}.py").chmod(0o755)
            (host.plugins / f"{NAME}.py").unlink(missing_ok=True)
        if os.path.lexists(folder):
            folder.replace(old)
        draft.replace(folder)
        _remove_tree(old)
        for path, data in beside.items():
            file = Path(os.path.normpath(host.plugins / path))
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, data, overwrite=True)
        if host.settings is not None:
            _enable(host.settings, enabled=True)


def remove(host: Host) -> bool:
    """Remove the plug-in and its entry in the settings; says whether there was one.

    Raises:
        OutputError: it cannot be removed.
    """
    folder = host.plugins / NAME
    with _sentences(folder):
        names = [NAME, f".{NAME}-new", f".{NAME}-old", *files_beside(host.editor)]
        paths = [Path(os.path.normpath(host.plugins / name)) for name in names]
        if host.editor is Editor.GIMP:
            paths.append(host.plugins / f"{NAME}.py")
        found = [path for path in paths if os.path.lexists(path)]
        for path in found:
            _remove_tree(path)
        if host.settings is not None and host.settings.exists():
            _enable(host.settings, enabled=False)
    return bool(found)


def is_enabled(settings: str) -> bool:
    """Say whether Krita's settings enable the plug-in."""
    section = ""
    for line in settings.splitlines():
        if line.startswith("["):
            section = line.strip()
        elif section == _SECTION and line.startswith(_ENABLED):
            return line.removeprefix(_ENABLED).strip().lower() == "true"
    return False


def with_enabled(settings: str, *, enabled: bool) -> str:
    """Return Krita's settings with the plug-in enabled, or without a word of it."""
    lines: list[str] = []
    section, is_set = "", False
    for line in settings.splitlines(keepends=True):
        if line.startswith("["):
            section = line.strip()
        elif section == _SECTION and line.startswith(_ENABLED):
            continue
        lines.append(line)
        if section == _SECTION and line.startswith("[") and enabled and not is_set:
            end = "" if line.endswith("\n") else "\n"
            lines.append(f"{end}{_ENABLED}true\n")
            is_set = True
    if enabled and not is_set:
        if lines and not lines[-1].endswith("\n"):
            lines.append("\n")
        lines.append(
            f"\n{_SECTION}\n{_ENABLED}true\n" if lines else f"{_SECTION}\n{_ENABLED}true\n"
        )
    return "".join(lines)


def _enable(settings: Path, *, enabled: bool) -> None:
    before = _text_of(settings)
    after = with_enabled(before, enabled=enabled)
    if after != before:
        settings.parent.mkdir(parents=True, exist_ok=True)
        write_whole(settings, after.encode("utf-8", "surrogateescape"), overwrite=True)


def _text_of(settings: Path) -> str:
    data = _read(settings) or b""
    return data.decode("utf-8", "surrogateescape")


def _remove_tree(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


@contextmanager
def _sentences(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        hint = " Close the editor and try again." if sys.platform == "win32" else ""
        raise OutputError(
            f"{error.filename or folder} cannot be changed: {reason}.{hint}"
        ) from error
