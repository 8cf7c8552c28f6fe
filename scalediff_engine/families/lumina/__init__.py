"""Lumina-Next."""
