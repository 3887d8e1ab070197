"""What a table shows: headline, curves, history, importances, calibration, reasons, deaths, doubts."""
