"""What can be said of a model without loading it; no torch."""
