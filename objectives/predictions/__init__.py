"""Logs of what deployed detectors found: records, JSON lines, Parquet."""
