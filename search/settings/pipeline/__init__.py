"""Settings of a pipeline: stream, labelling, triggers, search, gates, rollout, monitoring."""
