"""The commands of `automl data`: the card, the check, the push, the errors of a detector."""
