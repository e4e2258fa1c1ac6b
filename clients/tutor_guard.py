"""What minds a tutor's reply while it streams: the cap on clarifying questions."""

from collections.abc import Sequence

from clients.guard import EXCERPT, Kind, Slip
from clients.personas.clarifying import is_one_too_many


class TutorGuard:
    """Reads one reply. Whether it only asks back shows at its end, and until then it is shown like any other."""

    def __init__(self, replies: Sequence[str], language: str) -> None:
        """`replies` are the tutor's before this one."""
        self._replies, self._language = replies, language
        self._text = ""

    def feed(self, text: str) -> Slip | None:
        """Take the next piece; nothing is wrong with a part of a reply."""
        self._text += text
        return None

    def end(self) -> Slip | None:
        """That the reply asked once more what is wanted, though two before it did."""
        if is_one_too_many(self._replies, self._text, self._language):
            return Slip(Kind.ASKS_BACK, self._text.strip()[:EXCERPT])
        return None
