"""What commands say of a whole study: its front drawn, what is done just now, and the lines to type next."""
