"""Feedback that teaches: what each message did, how it could be said, what the whole came to. By rule, without a model.

Pure but for `records`, which reads a session's messages, and `gate`, which says who may read feedback when.
"""
