"""What a table shows: curves, history, importances, calibration, reasons, deaths."""
