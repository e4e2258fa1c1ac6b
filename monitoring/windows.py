"""Sliding windows: how much was done lately, in slots. Pure."""
