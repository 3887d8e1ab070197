"""The search engine: latency known before training, beliefs about final accuracy, gain per second of training."""
