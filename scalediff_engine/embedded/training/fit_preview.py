"""Fits the linear latent-to-RGB guess that the live preview uses, on the kept-back tiles.

    python fit_preview.py CORPUS FOLDER

writes ``preview.json`` into the folder of weights, which the program wants beside them: least
squares of the averaged sRGB against the encoded latent, the last row of the matrix the offset.
"""

import json
import sys
from pathlib import Path

import torch
from common import VAE_FACTOR, load_corpus, to_float
from diffusers import AutoencoderKL
from torch.nn.functional import avg_pool2d


@torch.inference_mode()
def main(corpus, folder):
    """Fit and write the matrix."""
    vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32).eval()
    _, (held, _) = load_corpus(corpus)
    latents, colours = [], []
    for tile in held:
        x = to_float(tile[None])
        z = vae.encode(x).latent_dist.mode() * vae.config.scaling_factor
        latents.append(z[0].flatten(1).T)
        colours.append(avg_pool2d(x, VAE_FACTOR)[0].flatten(1).T)
    z, rgb = torch.cat(latents), torch.cat(colours)
    z = torch.cat([z, torch.ones(len(z), 1)], dim=1)
    matrix = torch.linalg.lstsq(z, rgb).solution
    error = (z @ matrix - rgb).abs().mean() * 127.5
    rows = [[round(v, 5) for v in row] for row in matrix.tolist()]
    (folder / "preview.json").write_text(json.dumps({"matrix": rows}, indent=1))
    print(f"preview: mean error {error:.2f} of 255")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
