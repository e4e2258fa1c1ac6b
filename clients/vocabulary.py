"""The codes that library, snapshot and voices rely on; `clients.choices` names codes for people."""

DOMAINS = ("social_work", "health", "language", "sales")
# Where people meet over a matter, not over themselves.
BUSINESS = frozenset({"language", "sales"})

DIFFICULTIES = ("gentle", "moderate", "demanding")

DEPTHS = ("surface", "real")

# What a client can do with a turn; a script and the generic phrases hold lines under these names.
ACTS = (
    "greeting",
    "small_talk",
    "reflected",
    "affirmed",
    "advised",
    "confronted",
    "permission",
    "informed",
    "disclosed",
    "summarised",
    "next_step",
    "closing",
    "deflect_low",
    "deflect_mid",
    "unclear",
    "out_of_role",
    "silence",
    "continue",
    "offer",
    "leaving",
    "agreeing",
)

MIN_TRAITS = 2
MAX_TRAITS = 5
