"""The command that measures for a study, on the machine that has its device."""
