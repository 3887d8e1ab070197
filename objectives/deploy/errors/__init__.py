"""What a deployed detector gets wrong, which labels it doubts, and which images to label next."""
