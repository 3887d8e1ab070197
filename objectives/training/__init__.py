"""Training of one detector by Ultralytics' trainer."""
