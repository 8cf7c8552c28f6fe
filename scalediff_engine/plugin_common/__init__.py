"""What the plug-ins share: standard library only, copied into each of them beside ``client``."""
