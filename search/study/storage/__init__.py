"""The storage of a search: Optuna's, without a copy of every trial, and with several writes in one transaction."""
