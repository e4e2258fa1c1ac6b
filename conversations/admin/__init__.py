"""Conversations in the admin, one file for each subject: to look at and to search, and a few actions; no forms."""

from conversations.admin import evaluations, feedback, models, sessions, supervision, tutors, work

__all__ = ["evaluations", "feedback", "models", "sessions", "supervision", "tutors", "work"]
