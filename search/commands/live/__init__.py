"""Commands about a search that goes on: browse it, pause it, stop a trial, ask for a candidate, note something."""
