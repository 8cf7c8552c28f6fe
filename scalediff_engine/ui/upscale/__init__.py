"""What is asked of an upscale, and what it would cost."""
