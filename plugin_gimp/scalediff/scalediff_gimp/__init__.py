"""ScaleDiff for GIMP 3; ``plugin`` is what GIMP sees of it."""
