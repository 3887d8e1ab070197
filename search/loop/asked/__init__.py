"""What people ask of a search while it runs, obeyed: a pause, the end of a trial, a candidate that comes next."""
