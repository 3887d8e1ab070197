"""The database of a study of several machines: lines to it, its clock, and what happens while it is away."""
