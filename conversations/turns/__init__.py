"""What happens to a turn in the database: accepted, claimed, saved on the way, finished once, recovered."""
