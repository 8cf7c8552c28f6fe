"""Files and raw pixels to float pictures and back; alpha, profiles, metadata, source lock."""
