"""Sending mail: how many a second leave for a sink written in C, beside those who do the same."""
