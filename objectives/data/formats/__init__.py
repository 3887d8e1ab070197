"""Readers of data sets, a format a file."""
