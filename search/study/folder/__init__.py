"""A study's folder: which files stay, and whether the disk has space."""
