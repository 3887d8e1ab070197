"""What trials measure and how they end: plain records, and the names that the store keeps them under."""
