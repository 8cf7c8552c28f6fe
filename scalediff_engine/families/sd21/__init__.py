"""Stable Diffusion 2.1."""
