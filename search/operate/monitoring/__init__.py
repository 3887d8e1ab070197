"""What a pipeline lets others see: metrics, alerts, and the data of its page."""
