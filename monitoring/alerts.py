"""Alerts: operators are told once of each occasion, in the admin and by mail."""
