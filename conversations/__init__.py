"""A student talks with a client: sessions, messages, turns."""
