"""Detectors of other studies that a new one begins with: what their names mean, and how they are queued."""
