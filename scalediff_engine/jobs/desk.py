"""The desk: takes jobs, gives them to the worker in turn, and tells whoever watches."""
