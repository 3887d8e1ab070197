"""The check of a data set: what would spoil its scores, found before the first epoch."""
