"""A study: its store, its contract, its budget, and who works on it."""
