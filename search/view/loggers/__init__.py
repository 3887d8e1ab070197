"""Loggers: a search reported to other tools by their own clients, each in a thread of its own."""
