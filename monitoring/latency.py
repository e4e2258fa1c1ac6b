"""How long people wait for the first text: counts between fixed bounds, and the percentiles that follow from them."""

import math
from collections.abc import Mapping

# Each bound is 15% above the one before: a percentile is right to about as much.
_FIRST_MS, _STEP, _LAST_MS = 50, 1.15, 120_000
BOUNDS: tuple[int, ...] = tuple(
    round(_FIRST_MS * _STEP**number)
    for number in range(math.ceil(math.log(_LAST_MS / _FIRST_MS) / math.log(_STEP)) + 1)
)


def percentile(counts: Mapping[int, int], share: float) -> int | None:
    """Milliseconds within which that share (0 to 1) of the attempts showed text; None without any.

    `counts` says for each bound how many were within it and not within the one before; between two bounds they are
    taken as evenly spread. What took longer than the last bound counts as if within it.
    """
    total = sum(counts.values())
    if not total:
        return None
    wanted = share * total
    passed = 0
    for within in sorted(counts):
        if passed + counts[within] >= wanted and counts[within]:
            below = _below(within)
            return round(below + (within - below) * (wanted - passed) / counts[within])
        passed += counts[within]
    return max(counts)


def _below(within: int) -> int:
    smaller = [bound for bound in BOUNDS if bound < within]
    return smaller[-1] if smaller else 0
