"""Figures: day sums derived from the ledger, and rebuilt from it at any time."""
