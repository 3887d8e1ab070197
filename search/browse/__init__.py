"""Studies in a browser: the pages served while a search runs, what has changed since, and what readers ask for."""
