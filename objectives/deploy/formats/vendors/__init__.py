"""Formats of one vendor's hardware: the vendor's compiler is looked for, and named where it is missing."""
