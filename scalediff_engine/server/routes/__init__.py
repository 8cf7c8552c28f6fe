"""The routes, one file for each thing that the wire speaks of."""
