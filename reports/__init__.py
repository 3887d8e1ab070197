"""What people look at: study to table to front, importances, figures, page, terminal text."""
