"""What a search waits for: a board that is away, a disk that is full, memory of a GPU."""
