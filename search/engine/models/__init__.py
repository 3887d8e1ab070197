"""What the engine believes: accuracies, latencies, costs."""
