"""Fit the linear latent-to-RGB guess that the live preview uses: python fit_preview.py PICTURE...

Least squares of 4x4-averaged sRGB against the encoded latent; writes preview.json beside the
weights. The last row of the matrix is the offset.
"""

import json
import sys

import numpy as np
import torch
from PIL import Image

from scalediff_engine.models.embedded_model import FOLDER, load_embedded
from scalediff_engine.models.embedded import EMBEDDED


def main(paths: list[str]) -> None:
    """Fit on the given pictures and write the matrix."""
    if not (FOLDER / "preview.json").exists():
        (FOLDER / "preview.json").write_text(json.dumps({"matrix": []}))
    model = load_embedded(EMBEDDED, torch.device("cpu"))
    factor = EMBEDDED.latent_factor
    latents, colours = [], []
    for path in paths:
        picture = Image.open(path).convert("RGB")
        width, height = (side // 16 * 16 for side in picture.size)
        pixels = np.asarray(picture.crop((0, 0, width, height)), np.float32) / 127.5 - 1
        x = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        with torch.inference_mode():
            z = model.encode(x)
        small = torch.nn.functional.avg_pool2d(x, factor)
        latents.append(z[0].flatten(1).T)
        colours.append(small[0].flatten(1).T)
    z, rgb = torch.cat(latents), torch.cat(colours)
    z = torch.cat([z, torch.ones(len(z), 1)], dim=1)
    matrix = torch.linalg.lstsq(z, rgb).solution
    error = (z @ matrix - rgb).abs().mean() * 127.5
    (FOLDER / "preview.json").write_text(
        json.dumps({"matrix": [[round(v, 5) for v in row] for row in matrix.tolist()]}, indent=1)
    )
    print(f"mean error {error:.2f} of 255")


main(sys.argv[1:])
