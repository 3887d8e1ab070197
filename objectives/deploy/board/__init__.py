"""What runs on a board of the user's: which of our modules, and what they say of the board."""
