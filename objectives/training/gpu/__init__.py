"""What trainings on a GPU need beside: mixed precision, without a download."""
