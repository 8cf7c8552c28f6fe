"""One folder per architecture; ``registry`` is the only list of them.

Networks are imported when a model is loaded.
"""
