"""The picture on the screen."""
