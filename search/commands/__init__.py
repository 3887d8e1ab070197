"""The commands, one a file: they read a line, call the product and print."""
