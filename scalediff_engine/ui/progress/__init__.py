"""A running upscale: how far it is, and how long it still takes."""
