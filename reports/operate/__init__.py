"""A pipeline, shown: its page and its lines in the terminal."""
