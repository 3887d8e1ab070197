"""A study as a table: trials as rows, the front, the pick."""
