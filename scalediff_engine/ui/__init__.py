"""The dialogs: models without widgets, widgets over them, and the way to the engine by the wire.

Imports ``client``, ``base``, ``images`` and ``batch`` alone.
"""
