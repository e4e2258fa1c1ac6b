"""Monitoring in the admin, one file for each subject."""

from monitoring.admin import budgets, health, jobs, limits, money, prices, privacy, providers, retention, usage

__all__ = ["budgets", "health", "jobs", "limits", "money", "prices", "privacy", "providers", "retention", "usage"]
