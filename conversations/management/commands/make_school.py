"""`make_school`: fill an empty database with a made-up school of any size, to measure and to try out."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from accounts import calendar
from accounts.models import Section, User
from conversations.management.school.bulk import Maker, searchable_afterwards
from conversations.management.school.people import make_people
from conversations.management.school.talks import Talks
from conversations.management.school.work import make_work
from conversations.models import Message, Session
from monitoring import figures

# Beyond that, SQLite takes longer than anybody waits.
MOST_ON_SQLITE = 5_000
SECONDS_BETWEEN_LINES = 5


class Command(BaseCommand):
    """Writes people, work and conversations in bulk. The same seed gives the same school, its times back from now."""

    help = "Fill an empty database with a made-up school. For measuring and trying out, never beside real people."

    def add_arguments(self, parser: CommandParser) -> None:
        """Sizes, the seed, and what it takes to be let."""
        parser.add_argument("--students", type=int, default=20_000, help="how many students (default 20,000)")
        parser.add_argument("--sections", type=int, default=400, help="how many sections (default 400)")
        parser.add_argument("--sessions", type=int, default=300_000, help="how many conversations (default 300,000)")
        parser.add_argument("--seed", type=int, default=1, help="another number gives another school (default 1)")
        parser.add_argument("--password", default="", help="everyone signs in with it (without it, nobody can)")
        parser.add_argument("--yes", action="store_true", help="also in a real installation, neither DEMO nor DEBUG")

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse, or fill and say how far it is; raises CommandError with the reason."""
        students, sections, sessions = (options[name] for name in ("students", "sections", "sessions"))
        self._refuse(options)
        started = time.monotonic()
        maker = Maker(options["seed"])
        cast = make_people(maker, students=students, sections=sections, password=options["password"])
        calendar.forget()
        self.stdout.write(f"{students} students, {len(cast.teachers)} teachers and {sections} sections.")
        work = make_work(maker, cast)
        assignments = sum(len(one.assignments) for one in work.values())
        self.stdout.write(f"Clients and rubrics for them, and {assignments} published assignments.")
        with searchable_afterwards(Message):
            Talks(maker).of_school(cast, work, sessions, self._say_now_and_then(sessions))
        for _rows in figures.rebuild():
            pass
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # So that the first page is not planned without figures. A transaction, such as a test's, bars VACUUM.
                cursor.execute("ANALYZE" if connection.in_atomic_block else "VACUUM ANALYZE")
        self.stdout.write(f"Ready after {time.monotonic() - started:.0f} seconds.")

    def _refuse(self, options: dict[str, Any]) -> None:
        if not (settings.DEBUG or settings.DEMO or options["yes"]):
            raise CommandError("This makes up people. In a real installation, say --yes if you mean that.")
        if min(options["students"], options["sections"]) < 1 or options["sessions"] < 0:
            raise CommandError("A school has at least one student and one section.")
        if connection.vendor == "sqlite" and options["sessions"] > MOST_ON_SQLITE:
            raise CommandError(
                f"SQLite takes at most {MOST_ON_SQLITE} conversations here. Name a PostgreSQL database "
                f"in DATABASE_URL, or ask for fewer with --sessions."
            )
        for model in (User, Section, Session):
            if model._default_manager.exists():
                raise CommandError(
                    f"There are {model._meta.verbose_name_plural} in this database already. It must be empty."
                )

    def _say_now_and_then(self, number: int) -> Any:
        said = time.monotonic()

        def say(made: int) -> None:
            nonlocal said
            if time.monotonic() - said >= SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                self.stdout.write(f"{made} of {number} conversations.")

        return say
