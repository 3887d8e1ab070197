"""Settings of the workers that one line starts on a cluster."""
