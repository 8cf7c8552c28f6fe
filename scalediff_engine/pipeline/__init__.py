"""The loop of ScaleDiff on real pictures: plan, progress, preview, run."""
