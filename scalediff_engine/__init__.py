"""ScaleDiff: diffusion upscaling of existing pictures, for artists' editors and folders."""

__version__ = "0.1.0"
