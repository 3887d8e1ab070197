"""GPUs: what the driver says of them, which of them this process may use, and who trains on which."""
