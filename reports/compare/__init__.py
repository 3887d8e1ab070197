"""The comparison of champion and challenger, shown: in the terminal, and as a page."""
