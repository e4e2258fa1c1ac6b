"""Monitoring in the admin, one file for each subject."""

from monitoring.admin import health, jobs, limits, money, usage

__all__ = ["health", "jobs", "limits", "money", "usage"]
