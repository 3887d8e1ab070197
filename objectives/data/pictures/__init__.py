"""What image files hold: decoded in one way, indexed once, compared by content and by looks."""
