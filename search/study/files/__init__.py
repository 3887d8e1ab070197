"""Files of a study's trials beside its folder: in an artifact store that all machines reach, behind one contract."""
