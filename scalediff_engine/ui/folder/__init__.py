"""Many pictures at once: found, named, handed to the engine as a batch, and followed."""
