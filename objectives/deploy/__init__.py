"""What ships: the exported file, the program that runs it, its device, its accuracy."""
