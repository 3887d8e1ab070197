"""The embedded data set: retail shelves, rendered."""
