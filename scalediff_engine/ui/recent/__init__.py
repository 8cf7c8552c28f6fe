"""Results of the last day: what becomes of them when nobody was there to take them."""
