"""Budgets: money held before a call and spent after it, by conditional updates in one lock order."""
