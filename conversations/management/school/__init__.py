"""A made-up school of any size, for measuring and trying out: what `manage.py make_school` fills a database with."""
