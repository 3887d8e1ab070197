"""Splits of a data set: what must stay together, and who goes where."""
