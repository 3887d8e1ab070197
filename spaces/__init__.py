"""What may be built: dimensions, the search space, one candidate, candidate to detector."""
