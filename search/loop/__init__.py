"""The search itself: what is worked on next, who works on it, what happens when it ends."""
