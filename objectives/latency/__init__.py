"""Latency of an exported file on a device, by processes without torch."""
