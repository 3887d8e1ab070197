"""What a pipeline watches: drift and performance over its windows, and which trigger fires."""
