"""Pipelines on the command line: operate one, roll it back."""
