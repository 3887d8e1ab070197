"""What comes between a search and its trials: a board away, a full disk, a full GPU, a process that took them over."""
