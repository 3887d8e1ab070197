"""A study's folder: what stays in it, and whether there is room."""
