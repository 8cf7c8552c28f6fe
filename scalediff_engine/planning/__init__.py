"""Settings, plans, estimates and windows: everything that must answer at once, without torch."""
