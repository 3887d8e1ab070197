"""Which piece of training comes next."""
