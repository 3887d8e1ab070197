"""A proof, read from a study: contestants with intervals, the winner, the difference from the baseline."""
