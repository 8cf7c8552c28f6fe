"""What several suites need."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

# These models are so small that a second thread costs more than it brings. Programs that a test
# starts inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The developer's own defaults must not reach the tests.
os.environ.setdefault("SCALEDIFF_CONFIG", os.devnull)

# A suite started in the background ignores Ctrl-C, and so would the programs that it interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sample", action="store_true", help="repeat what is random a tenth as often")


@pytest.fixture
def repeats(pytestconfig: pytest.Config) -> Callable[[int], int]:
    """How often a nightly test repeats what is random: as often as it says, or a tenth of it."""
    sample = pytestconfig.getoption("--sample")
    return lambda full: max(2, full // 10) if sample else full


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the embedded model's with a tiny random model in it."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    AutoencoderKL(
        latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        mid_block_add_attention=False,
        scaling_factor=0.7,
    ).save_pretrained(folder / "vae")
    UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        block_out_channels=(8, 8, 16),
        layers_per_block=1,
        attention_head_dim=(1, 1, 2),
        cross_attention_dim=128,
        norm_num_groups=4,
        use_linear_projection=True,
    ).save_pretrained(folder / "unet")
    DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
    ).save_pretrained(folder / "scheduler")
    names = ["null", "photo", "painting", "texture", "sharp", "soft"]
    save_file({"class_tokens": torch.randn(6, 4, 128)}, folder / "class_tokens.safetensors")
    (folder / "class_tokens.json").write_text(json.dumps({"names": names}))
    (folder / "preview.json").write_text(json.dumps({"matrix": [[0.1, 0.2, 0.3]] * 5}))
    return folder
