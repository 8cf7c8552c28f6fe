"""Fit the linear latent-to-RGB guess that the live preview uses.

``python fit_preview.py FOLDER PICTURE...`` writes ``preview.json`` into the folder of weights:
least squares of the averaged sRGB against the encoded latent, its last row the offset.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch.nn.functional import avg_pool2d

FACTOR = 4


def main(folder: Path, pictures: list[str]) -> None:
    """Fit on the given pictures and write the matrix."""
    vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32).eval()
    latents, colours = [], []
    for path in pictures:
        picture = Image.open(path).convert("RGB")
        width, height = (side // 16 * 16 for side in picture.size)
        pixels = np.asarray(picture.crop((0, 0, width, height)), np.float32) / 127.5 - 1
        x = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        with torch.inference_mode():
            z = vae.encode(x).latent_dist.mode() * vae.config.scaling_factor
        latents.append(z[0].flatten(1).T)
        colours.append(avg_pool2d(x, FACTOR)[0].flatten(1).T)
    z, rgb = torch.cat(latents), torch.cat(colours)
    z = torch.cat([z, torch.ones(len(z), 1)], dim=1)
    matrix = torch.linalg.lstsq(z, rgb).solution
    error = (z @ matrix - rgb).abs().mean() * 127.5
    rows = [[round(v, 5) for v in row] for row in matrix.tolist()]
    (folder / "preview.json").write_text(json.dumps({"matrix": rows}, indent=1))
    print(f"mean error {error:.2f} of 255")


main(Path(sys.argv[1]), sys.argv[2:])
