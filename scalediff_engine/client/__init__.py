"""What an editor, a dialog and the engine say to each other: Python 3.9, standard library only.

This folder is copied into the plug-ins as it stands, so nothing here may import anything else of
this program.
"""
