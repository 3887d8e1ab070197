"""Experience of a study: own ended studies and the shipped table, frozen at its start."""
