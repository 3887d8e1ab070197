"""Drift of images and of what a detector finds in them: figures, margins, tests over many looks."""
