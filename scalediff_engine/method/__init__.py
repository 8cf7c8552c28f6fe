"""ScaleDiff itself: pure functions that know no model, no file and no device."""
