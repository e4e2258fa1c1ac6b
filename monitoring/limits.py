"""Limits: whether something may be done once more now, and when if not."""

import datetime as dt
import json
import time
from collections.abc import Sequence
from functools import lru_cache

from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext

from monitoring.models import RateLimit, RateWindow
from monitoring.prepared import Answer, insert, upsert
from monitoring.windows import Window

# One limit, and whose window under it: a person's uuid, an address, "" for the whole site.
Key = tuple[RateLimit.Name, str]

# The order in which every transaction locks windows. Those that many want come later and are held shortest.
_RANKS = {name: rank for rank, name in enumerate(RateLimit.Name)}

_SENTENCES = {
    RateLimit.Name.MESSAGES_PER_PERSON: gettext_lazy("You can send the next message in %(wait)s."),
    RateLimit.Name.MESSAGES_OF_SITE: gettext_lazy(
        "Very many people are writing just now. You can send the next message in %(wait)s."
    ),
    RateLimit.Name.SIGN_INS_PER_ACCOUNT: gettext_lazy(
        "There were too many attempts to sign in with this e-mail address. You can try again in %(wait)s."
    ),
    RateLimit.Name.SIGN_INS_PER_ADDRESS: gettext_lazy(
        "There were too many attempts to sign in from your network. You can try again in %(wait)s."
    ),
    RateLimit.Name.EXPORTS_PER_PERSON: gettext_lazy(
        "You have downloaded many files lately. You can download the next one in %(wait)s."
    ),
}

# Makes the windows that are missing and locks all, in the order of the rows: one statement, so that there is no moment
# between looking and making in which two could wait for each other. The update changes nothing; it is the lock.
_LOCK = """
    ON CONFLICT (name, "key") DO UPDATE SET "key" = excluded."key"
    RETURNING name, "key", slots
"""
_SAVE = """
    ON CONFLICT (name, "key") DO UPDATE SET slots = excluded.slots, touched_at = excluded.touched_at
"""


class LimitReachedError(Exception):
    """A limit is reached; str() is plain words for the person who asked.

    name: the limit. retry_after: whole seconds, at least 1, after which it opens if nobody else comes.
    """

    def __init__(self, name: RateLimit.Name, retry_after: int) -> None:
        self.name = name
        self.retry_after = retry_after
        super().__init__(_SENTENCES[name] % {"wait": wait_words(retry_after)})


def wait_words(seconds: int) -> str:
    """A wait as people say it: seconds up to a minute and a half, then minutes, rounded up."""
    if seconds <= 90:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    minutes = -(-seconds // 60)
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


class LockedWindows:
    """The windows of some keys, locked until the transaction ends."""

    def __init__(self, answer: Answer | None) -> None:
        self._answer = answer

    def admit(self) -> dt.datetime:
        """Count one more under each, or none; the moment it was counted at, for `give_back`.

        Raises LimitReachedError with the longest wait when any is full, and then counts nothing.
        """
        windows = self.windows()
        # Read after the lock, or those who waited for it would count in the past.
        now = timezone.now()
        wait, name = max(((window.wait(now), name) for (name, _key), window in windows), default=(0, ""))
        if wait:
            raise LimitReachedError(RateLimit.Name(name), wait)
        _save([(key, window.add(now)) for key, window in windows], now)
        return now

    def windows(self) -> list[tuple[Key, Window]]:
        """Each key with its window, under the limit of today."""
        limits = in_force()
        rows = self._answer.rows if self._answer else []
        return [
            (
                (RateLimit.Name(name), key),
                Window.from_json(json.loads(slots), count=limits[name].count, seconds=limits[name].seconds),
            )
            for name, key, slots in rows
            if name in limits
        ]


def lock(*keys: Key) -> LockedWindows:
    """Lock the windows of these keys, made where missing; a limit without a row has none and does not limit.

    Call it in a transaction, as late as may be. One query, and one more to count.
    """
    limits = in_force()
    ordered = sorted({key for key in keys if key[0] in limits}, key=lambda key: (_RANKS[key[0]], key[1]))
    rows = [RateWindow(name=name.value, key=key, touched_at=timezone.now()) for name, key in ordered]
    return LockedWindows(upsert(*rows, on_conflict=_LOCK) if rows else None)


def admit(*keys: Key) -> dt.datetime:
    """Lock these windows and count one more in each: see `lock` and `LockedWindows.admit`."""
    return lock(*keys).admit()


def give_back(*keys: Key, counted_at: dt.datetime) -> None:
    """Uncount what `admit` counted under these limits at that moment. Call it in a transaction; two queries."""
    windows = lock(*keys).windows()
    now = timezone.now()
    _save([(key, window.take_back(counted_at, now)) for key, window in windows], now)


def clear(key: Key) -> None:
    """Forget all that was counted for this key."""
    RateWindow.objects.filter(name=key[0], key=key[1]).delete()


def window_of(row: RateWindow) -> Window | None:
    """What is kept in this row, under the limit of today; None where there is no such limit (any more)."""
    limit = in_force().get(row.name)
    return Window.from_json(row.slots, count=limit.count, seconds=limit.seconds) if limit else None


def clear_stale() -> int:
    """Delete the windows that nobody touched for longer than their limit looks back; how many."""
    limits, now, gone = in_force(), timezone.now(), 0
    # A statement for each limit, so that no delete holds one person's row and waits for another kind of row.
    for name in RateLimit.Name:
        limit = limits.get(name)
        # Twice its length: a slot counts a little longer than the limit says.
        before = now - dt.timedelta(seconds=2 * limit.seconds) if limit else now
        gone += RateWindow.objects.filter(name=name, touched_at__lt=before).delete()[0]
    return gone


def in_force() -> dict[str, RateLimit]:
    """The limits by name, at most a second old."""
    return _limits(int(time.monotonic()))


def forget() -> None:
    """Read the limits anew the next time."""
    _limits.cache_clear()


@lru_cache(maxsize=1)
def _limits(second: int) -> dict[str, RateLimit]:
    return {limit.name: limit for limit in RateLimit.objects.all()}


def _save(windows: Sequence[tuple[Key, Window]], now: dt.datetime) -> None:
    """Write down windows that are locked, in one query."""
    rows = [
        RateWindow(name=name.value, key=key, slots=window.to_json(), touched_at=now) for (name, key), window in windows
    ]
    if rows:
        insert(*rows, on_conflict=_SAVE)
