"""Settings: Hydra's config tree and the command line, composed and checked."""
