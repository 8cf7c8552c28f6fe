"""Folder scan, names of results and their conflicts, for the command line and the dialogs alike.

Imports ``base``, ``client`` and ``images``; no torch, no Qt, no words for people but in errors.
"""
