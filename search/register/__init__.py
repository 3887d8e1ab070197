"""Where a detector comes from, as one JSON file, and how an export is registered in MLflow."""
