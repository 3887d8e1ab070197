"""The check of a data set, shown: in the terminal, and as a page with pictures of what was found."""
