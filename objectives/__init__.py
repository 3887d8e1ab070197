"""What a trial measures: data set, training, pruning, the deployable artifact, accuracy, latency, the gate."""
