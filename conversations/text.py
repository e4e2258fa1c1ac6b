"""Which text may be stored: a pure rule for every place where people write."""

from django.utils.translation import gettext as _


class TextError(Exception):
    """Text that cannot be stored as it is; the code is the socket's error code, the message plain words."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def check_text(text: str, limit: int) -> None:
    """Refuse what is empty, longer than `limit` characters, or not valid Unicode text without NUL. Raises TextError."""
    if not text.strip():
        raise TextError("empty", _("Write something first."))
    if len(text) > limit:
        raise TextError(
            "too_long",
            _("This message has %(count)d characters; at most %(limit)d are possible. Shorten it and send again.")
            % {"count": len(text), "limit": limit},
        )
    # PostgreSQL cannot hold NUL, and lone surrogates have no place in UTF-8.
    if "\0" in text or not _encodes(text):
        raise TextError("invalid", _("This message has characters that cannot be stored. Remove them and send again."))


def storable(text: str) -> str:
    """Text of a model as it can be stored and sent: without NUL, lone halves of characters replaced by U+FFFD."""
    if text.isascii():
        return text.replace("\0", "")
    # Through UTF-16, where two halves that stand side by side become the one character they are.
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", "")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
