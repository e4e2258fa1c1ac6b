"""Monitoring in the admin, one file for each subject."""

from monitoring.admin import health, money

__all__ = ["health", "money"]
