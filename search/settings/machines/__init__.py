"""Settings of the machines that a study lives and trains on: their GPUs, their store."""
