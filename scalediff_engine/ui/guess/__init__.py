"""What the fast networks make of the part that is seen, before the upscale is started."""
