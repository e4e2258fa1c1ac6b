"""Ids in the order of time, for tables that every message writes to (docs/adr/0021)."""

import secrets
import time
import uuid


def uuid7() -> uuid.UUID:
    """A new id of RFC 9562's version 7: the milliseconds since 1970, then 74 random bits, which nobody guesses."""
    return at_millisecond(time.time_ns() // 1_000_000, secrets.randbits(74))


def at_millisecond(moment: int, chance: int) -> uuid.UUID:
    """The id of this moment, in milliseconds since 1970, and these 74 bits."""
    high, low = divmod(chance, 1 << 62)
    return uuid.UUID(int=moment << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
