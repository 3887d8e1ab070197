"""Layouts: a version of a detector as serving systems take it, one file each."""
