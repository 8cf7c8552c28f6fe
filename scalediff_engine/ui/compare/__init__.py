"""The result beside the source: tries, drift, decision."""
