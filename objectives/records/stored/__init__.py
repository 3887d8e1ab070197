"""Trials in Optuna's database: their rows, read as they are, and what a search keeps of them."""
