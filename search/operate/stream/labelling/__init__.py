"""Labels on their way out and back: what to label, the files of labelling tools, and what came back."""
