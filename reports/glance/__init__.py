"""A study at a glance, in letters: its front drawn, and its best trial beside the baseline, for any terminal."""
