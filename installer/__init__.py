"""Runs ScaleDiff from a clone: makes the environment, keeps it fresh, starts the program in it."""
