"""Limits: whether something may be done once more now, and when if not."""
