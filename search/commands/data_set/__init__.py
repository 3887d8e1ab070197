"""The commands of `automl data`: the card, the check, the errors of a detector."""
