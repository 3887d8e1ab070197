"""Latencies of a search beside its trials' own: which it steers by, what settles in the end, and for an export."""
