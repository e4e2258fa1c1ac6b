"""After each line: what `manage.py audit --at-rest` says against the database that the line leaves behind."""

import io

from django.core.management import CommandError, call_command


class Audit:
    """Remembers the breaches that were told, so that each is held against the line that made it."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def new_breaches(self) -> list[str]:
        """What the command finds now and did not find before; call it through `in_database`."""
        output = io.StringIO()
        try:
            call_command("audit", "--at-rest", stdout=output)
        except CommandError as ended:
            # Breaches stand indented below the check that found them.
            lines = [line.strip() for line in output.getvalue().splitlines() if line.startswith("  ")]
            lines = [line for line in lines if not line.startswith("note: ")] or [str(ended)]
            found = [line for line in lines if line not in self._told]
            self._told.update(found)
            return found
        return []
