"""Formats of a detector on the command line: which are to be had here, and an export in several, with figures."""
