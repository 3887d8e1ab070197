"""Latencies that a process of a study asks of one whose machine has the device: orders, their files, both sides."""
