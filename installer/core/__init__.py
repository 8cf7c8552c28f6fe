"""Installs the engine: for a clone, and for the plug-ins, which carry a copy of this package.

Standard library only, Python 3.9 and later. uv does the work; this package fetches it, tells it
what to install and switches to an environment only when it is complete.
"""
