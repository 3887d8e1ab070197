"""The errors of a detector, shown: in the terminal, and as a page with pictures of doubtful labels."""
