"""Data sets: read, checked, and laid out for the trainer."""
