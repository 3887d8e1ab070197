"""Kin in words: what a trial is of a family, and what polishes brought."""
