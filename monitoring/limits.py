"""Limits: whether something may be done once more now, and when if not."""

import datetime as dt
import json
import time
from collections.abc import Sequence
from functools import lru_cache

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext

from monitoring.models import RateLimit, RateWindow
from monitoring.prepared import update
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
    INSERT INTO monitoring_ratewindow (name, "key", slots, touched_at) VALUES {rows}
    ON CONFLICT (name, "key") DO UPDATE SET "key" = excluded."key"
    RETURNING id, name, "key", slots
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


def admit(*keys: Key) -> dt.datetime:
    """Count one more under each of these limits, or none; the moment it was counted at, for `give_back`.

    Call it in a transaction, as late as may be: the windows stay locked until it ends. One query, and one for each
    window, also the first time. A limit without a row does not limit. Raises LimitReachedError with the longest wait
    when any is full, and then counts nothing.
    """
    windows = _locked(keys)
    # Read after the lock, or those who waited for it would count in the past.
    now = timezone.now()
    wait, name = max(((window.wait(now), row.name) for row, window in windows), default=(0, ""))
    if wait:
        raise LimitReachedError(RateLimit.Name(name), wait)
    _save([(row, window.add(now)) for row, window in windows], now)
    return now


def give_back(*keys: Key, counted_at: dt.datetime) -> None:
    """Uncount what `admit` counted under these limits at that moment. Call it in a transaction; two queries."""
    windows = _locked(keys)
    now = timezone.now()
    _save([(row, window.take_back(counted_at, now)) for row, window in windows], now)


def clear(key: Key) -> None:
    """Forget all that was counted for this key."""
    RateWindow.objects.filter(name=key[0], key=key[1]).delete()


def window_of(row: RateWindow) -> Window | None:
    """What is kept in this row, under the limit of today; None where there is no such limit (any more)."""
    limit = in_force().get(row.name)
    return Window.from_json(row.slots, count=limit.count, seconds=limit.seconds) if limit else None


def clear_stale() -> int:
    """Delete the windows that nobody touched for longer than their limit looks back; how many."""
    now = timezone.now()
    gone = 0
    # A statement for each limit, so that no delete holds one person's row and waits for another kind of row.
    for name in RateLimit.Name:
        limit = RateLimit.objects.filter(name=name).first()
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


def _locked(keys: Sequence[Key]) -> list[tuple[RateWindow, Window]]:
    """The windows of these keys, made where missing, locked until the transaction ends; one query."""
    limits = in_force()
    ordered = sorted({key for key in keys if key[0] in limits}, key=lambda key: (_RANKS[key[0]], key[1]))
    if not ordered:
        return []
    rows = ", ".join(["(%s, %s, '[]', CURRENT_TIMESTAMP)"] * len(ordered))
    with connection.cursor() as cursor:
        cursor.execute(_LOCK.format(rows=rows), [part for name, key in ordered for part in (name.value, key)])
        found = cursor.fetchall()
    return [
        (
            RateWindow(pk=pk, name=name, key=key),
            Window.from_json(json.loads(slots), count=limits[name].count, seconds=limits[name].seconds),
        )
        for pk, name, key, slots in found
    ]


def _save(windows: Sequence[tuple[RateWindow, Window]], now: dt.datetime) -> None:
    for row, window in windows:
        row.slots, row.touched_at = window.to_json(), now
        update(row, "slots", "touched_at")
