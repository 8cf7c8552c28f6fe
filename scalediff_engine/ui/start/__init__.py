"""The window that opens when nothing is said to be upscaled."""
