"""The first start: three short pages, once."""
