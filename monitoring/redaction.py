"""What must not be written down: keys, cookies, passwords, and what people said, wherever an exception quotes them."""

import re
import traceback
from collections.abc import Iterable, Iterator

from django.conf import settings

BLANK = "[…]"
# Shorter ones are words that stand everywhere.
_SECRET_FROM = 8
_KEY = re.compile(r"\bsk-[\w-]{4,}")
_HEADER = re.compile(r"(?i)((?:x-api-key|authorization)[\"']?\s*[:=,]\s*[\"']?)(?:bearer\s+)?[^\s\"',}]+")
_NAMED = re.compile(r"(?i)\b((?:sessionid|csrftoken|csrfmiddlewaretoken|password)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;&}]+")
_LOGIN_OF_URL = re.compile(r"(\w://)[^\s/@]+@")
_WORD = re.compile(r"\w[\w'’-]{3,}")
_BLANKS = re.compile(rf"{re.escape(BLANK)}(?:\W{{1,3}}{re.escape(BLANK)})+")
# These speak of code, connections and settings. Others quote values: a row that breaks a constraint, a number that is
# none, what a provider was sent.
_SPEAK_OF_CODE = (AttributeError, ConnectionError, ImportError, NameError, RecursionError, TimeoutError, TypeError)
_SPEAK_OF_CODE_TOO = frozenset({
    "django.db.utils.InterfaceError", "django.db.utils.OperationalError", "psycopg.OperationalError",
    "psycopg_pool.PoolTimeout", "sqlite3.OperationalError", "django.core.exceptions.ImproperlyConfigured",
    "redis.exceptions.ConnectionError", "kombu.exceptions.OperationalError",
    # Its maker blanks what it quotes.
    "clients.voices.base.VoiceError",
})  # fmt: skip


def without_secrets(text: str) -> str:
    """The text with keys, cookies and passwords blanked, and without what no database stores (NUL, lone surrogates)."""
    for secret in _secrets():
        text = text.replace(secret, BLANK)
    text = _HEADER.sub(rf"\1{BLANK}", _KEY.sub(BLANK, text))
    text = _LOGIN_OF_URL.sub(rf"\1{BLANK}@", _NAMED.sub(rf"\1{BLANK}", text))
    return text.replace("\x00", "�").encode("utf-8", "replace").decode("utf-8")


def _secrets() -> Iterator[str]:
    """What the settings hold that nobody may read; the longest first, as one may hold another."""
    known = {
        settings.ANTHROPIC_API_KEY,
        *settings.PROVIDER_KEYS.values(),
        settings.SECRET_KEY,
        settings.METRICS_TOKEN,
        str(getattr(settings, "EMAIL_HOST_PASSWORD", "") or ""),
        str(settings.DATABASES["default"].get("PASSWORD") or ""),
    }
    yield from sorted((one for one in known if len(one) >= _SECRET_FROM), key=len, reverse=True)


def without_echo(text: str, sent: Iterable[str]) -> str:
    """The text without the words (of four letters and more) that also stand in what was sent.

    For what a provider says of a request: it may quote it.
    """
    words = {word.casefold() for one in sent for word in _WORD.findall(one)}
    kept = _WORD.sub(lambda word: BLANK if word[0].casefold() in words else word[0], text)
    return _BLANKS.sub(BLANK, kept)


def words_of(error: BaseException) -> str:
    """What may be written down of an exception: its class, and its words where they cannot quote anybody."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    said = str(error) if isinstance(error, _SPEAK_OF_CODE) or name in _SPEAK_OF_CODE_TOO else ""
    return without_secrets(f"{name}: {said}" if said else name)


def described(error: BaseException) -> str:
    """What may be written down of an exception, and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}, line {frames[-1].lineno}, in {frames[-1].name})" if frames else ""
    return f"{words_of(error)}{place}"


def traceback_of(error: BaseException) -> str:
    """The traceback of an exception and of those that led to it, each with no more words than may be written down."""
    parts = []
    for one in chain(error):
        frames = "".join(traceback.format_tb(one.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{frames}{words_of(one)}")
    return without_secrets("\n\n".join(reversed(parts)))


def chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, then what led to it, then what led to that."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
