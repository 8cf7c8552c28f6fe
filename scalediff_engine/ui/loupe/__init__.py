"""A look at a part of the result before the whole is paid for."""
