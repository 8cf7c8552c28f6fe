"""Errors, geometry and the helpers that every package may use; imports ``client`` alone."""
