"""The cap on clarifying questions: two before a substantive answer at most, kept by code and not by good will alone."""

from collections.abc import Sequence

from clients.personas.criteria import clarifies

MOST = 2
# Said to a model after the conversation, where nothing of it is cached.
ANSWER_NOW = (
    "You have asked {count} clarifying questions one after another. Ask none now: say in one sentence what you assume "
    "about what they want, beginning with words such as “I assume”, in their language, and then answer on that."
)
ONCE_MORE = (
    "Your last attempt at this reply asked again what they want and was taken back. Give a substantive answer now, "
    "with your assumption in its first sentence, and put no question about what they want."
)


def run_of(replies: Sequence[str], language: str) -> int:
    """How many of a tutor's last replies, one after another, only asked what is wanted."""
    run = 0
    for reply in reversed(replies):
        if not clarifies(reply, language):
            break
        run += 1
    return run


def note(replies: Sequence[str], language: str) -> str:
    """What a model is told before its next reply, "" while it may still ask."""
    asked = run_of(replies, language)
    return ANSWER_NOW.format(count=asked) if asked >= MOST else ""


def is_one_too_many(replies: Sequence[str], reply: str, language: str) -> bool:
    """Whether a reply asks what is wanted although so many before it did."""
    return run_of(replies, language) >= MOST and clarifies(reply, language)
