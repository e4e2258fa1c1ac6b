"""How far two raters agree beyond chance: Cohen's kappa, plain and with quadratic weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any


def kappa(
    pairs: Iterable[tuple[Any, Any]], *, levels: Sequence[Any] | None = None, quadratic: bool = False
) -> float | None:
    """Cohen's kappa of two raters, from the pairs of values that they gave to the same things.

    It is 1 - O / E. O is the mean disagreement of the pairs, E the mean disagreement of every value of the first rater
    with every value of the second. Two values disagree by 0 when they are equal and by 1 when not; with `quadratic` by
    the square of how many `levels` they lie apart. `levels` are all values in order, by default those seen, sorted;
    give them when a level between two others may be unused. 1 is full agreement, 0 what chance gives, below 0 is worse.

    None when there are no pairs, and when both raters gave one and the same value throughout: chance then explains
    everything and there is nothing to measure. Raises ValueError for a value that is not among `levels`.
    """
    kept = list(pairs)
    seen = {value for pair in kept for value in pair}
    if levels is not None and not seen <= set(levels):
        raise ValueError("A value is not among the levels.")
    place = {value: number for number, value in enumerate(sorted(seen) if levels is None else levels)}

    def apart(one: Any, other: Any) -> int:
        return (place[one] - place[other]) ** 2 if quadratic else int(one != other)

    # Whole numbers until the last step, so that neither the order of the pairs nor that of the raters can matter.
    firsts, seconds = Counter(one for one, _ in kept), Counter(other for _, other in kept)
    observed = sum(apart(one, other) for one, other in kept) * len(kept)
    expected = sum(apart(one, other) * firsts[one] * seconds[other] for one in firsts for other in seconds)
    return 1 - observed / expected if expected else None
