"""Samplers and schedulers by name."""
