"""A made-up school and its term, of any size, for measuring and trying out: what `manage.py make_term` writes."""
