"""A pipeline in operation: what is due is found out and done, step by step, each once."""
