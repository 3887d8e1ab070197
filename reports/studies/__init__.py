"""Several studies on one page: all of a folder, and two or more over one another."""
