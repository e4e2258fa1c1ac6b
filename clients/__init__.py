"""Whom students talk to: profiles, prompts, state, voices (the models that speak)."""
