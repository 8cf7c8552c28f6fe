"""Reads, sends, fetches and inserts a large layer with the plug-in's own parts, and takes the time.

The second of two rounds counts: the first one also loads what is loaded once.
"""

import itertools
import sys
import time
from pathlib import Path

from gi.repository import Gegl, Gimp

Gegl.init(None)
sys.path.append(str(Path(Gimp.directory()) / "plug-ins" / "scalediff"))
from scalediff_gimp import inserting, results, taking
from scalediff_gimp.client import start
from scalediff_gimp.client.messages import JobInfo, JobState, Priority, UpscaleSettings
from scalediff_gimp.plugin_common.errand import Fetched
from scalediff_gimp.plugin_common.placement import Canvas
from scalediff_gimp.plugin_common.words import Words

SIDE = 4096
SAY = Words("en")


def main() -> None:
    print("| precision | read | send | fetch | insert |")
    for precision in ("U8_NON_LINEAR", "U16_NON_LINEAR", "FLOAT_LINEAR"):
        measured(precision)
        told = " | ".join(f"{seconds:.2f}" for seconds in measured(precision))
        print(f"| {precision} | {told} |")


def measured(precision):
    kind = getattr(Gimp.Precision, precision)
    image = Gimp.Image.new_with_precision(SIDE, SIDE, Gimp.ImageBaseType.RGB, kind)
    layer = Gimp.Layer.new(
        image, "big", SIDE, SIDE, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL
    )
    assert image.insert_layer(layer, None, 0)
    layer.fill(Gimp.FillType.WHITE)
    client = start.connect()
    times = [time.monotonic()]
    (taken,) = taking.take_layers(image, [layer], SAY)
    times.append(time.monotonic())
    material = taken.material
    sent = client.upload(material.header, material.samples, material.icc)
    times.append(time.monotonic())
    pixels = client.image(sent.id)
    times.append(time.monotonic())
    job = JobInfo(
        "job",
        JobState.DONE,
        UpscaleSettings(scale=1.0),
        sent.id,
        *(SIDE, SIDE, SIDE, SIDE),
        Priority.EDITOR,
        "big",
        True,
        *(0.0, 0.0, 1),
    )
    result = results.result_of(taken, Fetched(job, pixels, {}), Canvas.KEEP, SAY)
    inserting.insert(image, [result], Canvas.KEEP)
    times.append(time.monotonic())
    client.remove_image(sent.id)
    image.delete()
    return [after - before for before, after in itertools.pairwise(times)]


main()
