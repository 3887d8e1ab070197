"""What commands do with a board beside measuring on it."""
