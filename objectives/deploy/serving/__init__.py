"""Serving: a small HTTP server around the deployed program, which follows a folder of versions."""
