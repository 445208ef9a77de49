"""Starts what the demo is made of, watches it, and ends it in order."""
