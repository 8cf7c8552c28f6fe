"""Jobs from submission to result: states, store, queue, the worker's process (no torch)."""
