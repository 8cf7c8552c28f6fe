"""Which models are there and what they are, told before any of them is loaded (no torch)."""
