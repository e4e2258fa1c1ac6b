"""What a client's state was a moment ago, so that a turn need not replay a whole conversation to know it now."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from clients import state
from clients.record import TurnRecord
from clients.snapshot import ClientSnapshot

# A few kilobytes each: the talks that may be under way in one process at once.
MOST = 2_000
# A student's line and the reply before it are new each time; a retry has one line less.
NEW_LINES = 4

_known: OrderedDict[tuple[state.Line, ...], tuple[ClientSnapshot, state.State]] = OrderedDict()
# Turns are accepted in threads and spoken in the event loop.
_turning = threading.Lock()


def recall(snapshot: ClientSnapshot, history: Sequence[state.Line]) -> state.State:
    """The state after this history: the same as `state.replay`, from the last one known if there is one."""
    lines = tuple(history)
    now, rest = state.start(snapshot), lines
    for new in range(min(NEW_LINES, len(lines)) + 1):
        known = _known.get(lines[: len(lines) - new])
        if known and known[0] == snapshot:
            now, rest = known[1], lines[len(lines) - new :]
            break
    now = state.replay(snapshot, rest, now)
    with _turning:
        _known[lines] = (snapshot, now)
        _known.move_to_end(lines)
        if len(_known) > MOST:
            _known.popitem(last=False)
    return now


def record(snapshot: ClientSnapshot, history: Sequence[state.Line]) -> TurnRecord:
    """What the last line of this history did, which the student said."""
    return TurnRecord.of(recall(snapshot, history[:-1]), recall(snapshot, history))
