"""Settings of the machines that trials run on: their GPUs."""
