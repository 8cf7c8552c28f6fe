"""Small widgets that know nothing of upscales."""
