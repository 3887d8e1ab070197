"""Networks of torch: assembled from a candidate, initialised, pruned."""
