"""The local engine: HTTP on the loopback over jobs, sessions and plans (no torch, no Qt)."""
