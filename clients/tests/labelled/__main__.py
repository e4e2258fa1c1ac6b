"""`python -m clients.tests.labelled`: how well the rules agree with the labels."""

from __future__ import annotations

from clients.tests.labelled import coding, safety

print(coding.table(), safety.table(), sep="\n\n")  # noqa: T201
