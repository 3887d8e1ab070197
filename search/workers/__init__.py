"""Where trials run: backends behind one contract, their jobs, limits and places."""
