"""Settings of loggers: which other tools a search reports to."""
