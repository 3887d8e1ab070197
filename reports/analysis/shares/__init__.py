"""Shares of a figure by what explains it: accuracy by choices, latency by parts of the deployed network."""
