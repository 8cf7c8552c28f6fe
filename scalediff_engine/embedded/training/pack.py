"""Copies a checkpoint folder in half precision, ready to be loaded by diffusers.

    python pack.py ckpt deliver

The class tokens stay in single precision: 12 kB, and every prompt is made of them.
"""

import os
import shutil
import sys

from safetensors.torch import load_file, save_file

FILES = (
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "scheduler/scheduler_config.json",
    "class_tokens.safetensors",
    "class_tokens.json",
)


def main():
    source, target = sys.argv[1:3]
    for name in FILES:
        a, b = os.path.join(source, name), os.path.join(target, name)
        if not os.path.exists(a):
            print("missing:", name)
            continue
        os.makedirs(os.path.dirname(b), exist_ok=True)
        if name.startswith(("vae/diff", "unet/diff")):
            weights = {k: v.half().contiguous() for k, v in load_file(a).items()}
            save_file(weights, b, metadata={"format": "pt"})
        else:
            shutil.copyfile(a, b)
        print(name, os.path.getsize(b))


if __name__ == "__main__":
    main()
