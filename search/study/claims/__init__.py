"""Who works on what, and who chooses: claims of searching processes, behind one contract."""
