"""Workers of a search on a cluster: started by an engine's own means, watched and ended through the study's store."""
