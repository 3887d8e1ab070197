"""Versions of the data set: first data set and stream put together, without a leak, and written."""
