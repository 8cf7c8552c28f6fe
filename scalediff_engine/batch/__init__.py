"""Folder scan, output naming, name conflicts and the outcome of a batch; no torch, no Qt."""
