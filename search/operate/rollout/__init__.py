"""Roll out and back: versions and the pointer, layouts of servers, shadow and canary, hooks."""
