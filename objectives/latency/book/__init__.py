"""Figures measured once and kept: the user's database of latencies, by file, device, protocol and images."""
