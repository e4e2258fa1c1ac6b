"""Errors: what went wrong is written down, and a burst of it becomes an alert."""
