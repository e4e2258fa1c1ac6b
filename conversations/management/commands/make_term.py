"""`make_term`: fill an empty PostgreSQL database with a made-up term of a large school, to measure and to try out."""

import datetime as dt
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from accounts import calendar
from accounts.models import Section, Term, User
from conversations.management.term.aside import put_back, set_aside
from conversations.management.term.bulk import Maker
from conversations.management.term.notebook import Notebook
from conversations.management.term.people import make_people
from conversations.management.term.plan import read_plan
from conversations.management.term.rhythm import Rhythm
from conversations.management.term.talks import Talks
from conversations.management.term.tariffs import Accounts, read_tariffs
from conversations.management.term.work import make_work
from conversations.models import Session
from monitoring import periods, rollups

# Beyond that, SQLite takes longer than anybody waits.
MOST_ON_SQLITE = 5_000
# From so many on it is quicker to make indexes at the end.
SET_ASIDE_FROM = 10_000
SECONDS_BETWEEN_LINES = 5
SIZES = {"students": 20_000, "sections": 400, "sessions": 400_000, "weeks": 15}


class Command(BaseCommand):
    """Writes people, work and conversations in bulk. The same seed gives the same term, its times back from now."""

    help = "Fill an empty database with a made-up term. For measuring and trying out, never beside real people."

    def add_arguments(self, parser: CommandParser) -> None:
        """Sizes, the seed, and what it takes to be let."""
        for name, number in SIZES.items():
            parser.add_argument(f"--{name}", type=int, default=number, help=f"how many {name} (default {number:,})")
        parser.add_argument("--seed", type=int, default=1, help="another number gives another term (default 1)")
        parser.add_argument("--password", default="", help="everyone signs in with it (without it, nobody can)")
        parser.add_argument("--resume", action="store_true", help="go on where a run was broken off, with its sizes")
        parser.add_argument("--yes", action="store_true", help="also in a real installation, neither DEMO nor DEBUG")

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse, or fill and say how far it is; raises CommandError with the reason."""
        self._refuse(options)
        self.notebook, started = Notebook(), time.monotonic()
        if connection.vendor == "postgresql" and not connection.in_atomic_block:
            with connection.cursor() as cursor:
                # What a crash takes is written again by --resume.
                cursor.execute("SET synchronous_commit = off")
        if not options["resume"]:
            self._begin(options)
        asked = self.notebook.read("asked")["asked"]
        self._write_talks(asked)
        for number, most in put_back(self.notebook):
            self._say_now_and_then(f"Index or constraint {number} of {most}.")
        self._say("Figures for the planner, and sums.")
        self._tidy()
        Accounts.add_up()
        self._add_up()
        self.notebook.close()
        self._say(f"Ready after {_spoken(time.monotonic() - started)}.")

    def _refuse(self, options: dict[str, Any]) -> None:
        if not (settings.DEBUG or settings.DEMO or options["yes"]):
            raise CommandError("This makes up people. In a real installation, say --yes if you mean that.")
        was_broken_off = Notebook().is_there
        if options["resume"]:
            if not was_broken_off:
                raise CommandError("No term was begun in this database, or it is whole: there is nothing to resume.")
            return
        if was_broken_off:
            raise CommandError("A term was begun in this database: go on with --resume, or take an empty one.")
        if min(options[name] for name in SIZES) < 1:
            raise CommandError("A term has at least one student, section, conversation and week.")
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

    @transaction.atomic
    def _begin(self, options: dict[str, Any]) -> None:
        """People, what they have to do, and the budgets, all or nothing."""
        now = timezone.now()
        asked = {name: options[name] for name in (*SIZES, "seed")}
        self.notebook.open()
        self.notebook.write("asked", {**asked, "now": now.isoformat()})
        maker = Maker(asked["seed"], now)
        sizes = {name: asked[name] for name in ("students", "sections", "weeks")}
        cast = make_people(maker, **sizes, password=options["password"])
        calendar.forget()
        self._say(f"{len(cast.students)} students, {len(cast.teachers)} teachers and {len(cast.courses)} sections.")
        make_work(maker, cast)
        Accounts.open(cast.courses[0].begins.date(), periods.day_of(now))
        self._say("Clients, rubrics and assignments for them.")

    def _write_talks(self, asked: dict[str, Any]) -> None:
        """The batches of conversations that are not written yet, each in one transaction."""
        now, seed = dt.datetime.fromisoformat(asked["now"]), asked["seed"]
        term = Term.objects.earliest("starts_on")
        begins, ends = periods.bounds(term.starts_on)[0], periods.bounds(term.ends_on)[1]
        plan = read_plan(begins, ends, asked["sessions"], seed)
        talks = Talks(plan, Rhythm(begins, ends, now), read_tariffs(), Accounts(), seed)
        written = self.notebook.read("batch/")
        if not written and asked["sessions"] >= SET_ASIDE_FROM:
            set_aside(self.notebook)
        self._say(f"{plan.sessions:,} conversations, in {len(plan.batches)} batches.")
        progress = _Progress(plan.sessions, sum(batch.sessions for batch in plan.batches if batch.note in written))
        for batch in plan.batches:
            if batch.note in written:
                continue
            with transaction.atomic():
                messages = talks.write(batch, now)
                self.notebook.write(batch.note, messages)
            self._say_now_and_then(progress.line(batch.sessions, messages))

    def _tidy(self) -> None:
        """What the server does on its own after some time, so that nothing is planned without figures."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # A transaction, such as a test's, bars VACUUM.
                cursor.execute("ANALYZE" if connection.in_atomic_block else "VACUUM ANALYZE")

    def _add_up(self) -> None:
        """The sums of hours and days, the newest first."""
        while hours := rollups.roll_up():
            self._say(f"Sums of {hours} hours.")
        self._tidy()

    def _say(self, words: str) -> None:
        self._said = time.monotonic()
        self.stdout.write(words)
        self.stdout.flush()

    def _say_now_and_then(self, words: str) -> None:
        if time.monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._say(words)


class _Progress:
    """How far the conversations are, how fast they come, and how long the rest will take at that rate."""

    def __init__(self, sessions: int, done: int) -> None:
        self._sessions, self._done, self._before = sessions, done, done
        self._messages = 0
        self._started = time.monotonic()

    def line(self, sessions: int, messages: int) -> str:
        """So many more were written."""
        self._done += sessions
        self._messages += messages
        passed = max(time.monotonic() - self._started, 0.001)
        left = (self._sessions - self._done) * passed / max(self._done - self._before, 1)
        done = f"{self._done:,} of {self._sessions:,} conversations"
        return f"{done}, {self._messages / passed:,.0f} messages a second, {_spoken(left)} left."


def _spoken(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
