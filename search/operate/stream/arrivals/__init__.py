"""Images of the stream on their way in: which are new, when and where they were taken, and how they are kept."""
