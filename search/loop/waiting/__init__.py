"""What comes between a search and its trials: a board that is away, a full disk, a process that took them over."""
