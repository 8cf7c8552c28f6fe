"""The models: what is here, what is elsewhere, what can be downloaded."""
