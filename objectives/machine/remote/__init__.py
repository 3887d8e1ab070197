"""The line to another machine by the system's `ssh`: commands, files and a lock there, and what can go wrong."""
