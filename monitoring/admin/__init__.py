"""Monitoring in the admin, one file for each subject."""

from monitoring.admin import health, limits, money, usage

__all__ = ["health", "limits", "money", "usage"]
