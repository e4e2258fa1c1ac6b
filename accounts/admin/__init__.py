"""People, the school and its sections in the operators' admin."""

from accounts.admin import people, places, records

__all__ = ["people", "places", "records"]
