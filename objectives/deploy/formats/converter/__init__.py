"""Converters whose pins conflict with this project's: each runs in an environment of its own, made on demand."""
