"""Where trials run: processes, places, jobs."""
