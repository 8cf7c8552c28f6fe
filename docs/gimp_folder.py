"""Upscales the pictures of a folder through GIMP's own command line.

    FOLDER=holiday SCALE=2 gimp-console-3.0 -i --quit --batch-interpreter=python-fu-eval \
        -b "exec(open('docs/gimp_folder.py').read())"

Each picture NAME of FOLDER becomes NAME_x2.png in the folder ``upscaled`` in it, with its precision
and profile. One that is there already is left alone; one that fails is told and passed over.
"""

# ruff: noqa: ANN001, ANN003, ANN201, BLE001
import os
from pathlib import Path

from gi.repository import Gimp, Gio

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".xcf", ".psd")


def upscale_folder(folder, scale, **settings):
    """Upscale what lies in a folder; gives the names of the pictures that failed."""
    target = folder / "upscaled"
    target.mkdir(exist_ok=True)
    failed = []
    for file in sorted(folder.iterdir()):
        result = target / f"{file.stem}_x{scale:g}.png"
        if file.suffix.lower() not in ENDINGS or result.exists():
            continue
        try:
            upscale_file(file, result, scale, settings)
            print(f"{file.name}: {result}")
        except Exception as error:
            failed.append(file.name)
            print(f"{file.name}: {error}")
    return failed


def upscale_file(file, result, scale, settings):
    """Upscale one picture as it is seen."""
    mode = Gimp.RunMode.NONINTERACTIVE
    image = Gimp.file_load(mode, Gio.File.new_for_path(str(file)))
    made = None
    try:
        procedure = Gimp.get_pdb().lookup_procedure("scalediff-upscale-visible")
        config = procedure.create_config()
        config.set_property("run-mode", mode)
        config.set_property("image", image)
        config.set_property("scale", scale)
        config.set_property("canvas", "new")
        for name, value in settings.items():
            config.set_property(name.replace("_", "-"), value)
        answer = procedure.run(config)
        if answer.index(0) != Gimp.PDBStatusType.SUCCESS:
            raise RuntimeError(Gimp.get_pdb().get_last_error())
        made = answer.index(1)
        draft = result.with_name(f".{result.name}")  # appears whole or not at all
        export = Gimp.get_pdb().lookup_procedure("file-png-export")
        config = export.create_config()
        config.set_property("run-mode", mode)
        config.set_property("image", made)
        config.set_property("file", Gio.File.new_for_path(str(draft)))
        config.set_property("include-color-profile", True)
        if export.run(config).index(0) != Gimp.PDBStatusType.SUCCESS:
            raise RuntimeError(Gimp.get_pdb().get_last_error())
        draft.replace(result)
    finally:
        if made is not None:
            made.delete()
        image.delete()


if upscale_folder(Path(os.environ["FOLDER"]), float(os.environ.get("SCALE", "4")), preset="fast"):
    raise SystemExit(1)
