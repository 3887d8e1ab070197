"""Settings held against the data set and the gate against its measures, before the first trial."""
