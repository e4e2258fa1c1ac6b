"""`try_clients`: scripted students talk with the built-in clients, and the measures of what came back."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from clients.library import load_library
from clients.measures import MARKS, measure
from clients.prompts import system_prompt
from clients.snapshot import ClientSnapshot
from clients.state import Line
from clients.students import STYLES
from clients.trial import REHEARSAL, hear
from clients.tryouts import Rehearsal, Talk
from clients.voices import VoiceRequest
from clients.voices.scripted import reply
from clients.voices.speaking import CLAUDE
from monitoring.budgets import BudgetExhaustedError
from monitoring.models.price import UnknownPriceError
from monitoring.providers import endpoint_of
from monitoring.templatetags.money import usd


class Command(BaseCommand):
    """Needs no database with the scripted voice; with a model every reply is reserved and settled as any other."""

    help = "Let scripted students talk with the built-in clients, and print how real the clients sound."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whom, by which voice, and how often."""
        parser.add_argument("clients", nargs="*", help="short names of built-in clients (default: all)")
        parser.add_argument("--model", default="", help="ask this model instead of the scripted voice; it costs money")
        parser.add_argument("--seeds", type=int, default=1, help="talks for each kind of student (default: 1)")
        parser.add_argument("--show", action="store_true", help="print the conversations too")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Hold the talks, print the table."""
        self.model, self.cost = options["model"], 0
        if self.model and (missing := endpoint_of(self.model).missing):
            raise CommandError(f"{self.model} cannot be tried. {missing}")
        found = {client.slug: client.snapshot for client in load_library()}
        unknown = sorted(set(options["clients"]) - set(found))
        if unknown:
            raise CommandError(f"No such client: {', '.join(unknown)}. There are {', '.join(sorted(found))}.")
        everything: list[tuple[Talk, str]] = []
        names = [mark.name for mark in MARKS]
        self.stdout.write(
            f"{'client':<20}{'replies':>8}{'in char.':>9}{'leaks':>6}{'left':>5}" + "".join(f"{n:>14}" for n in names)
        )
        for slug in options["clients"] or sorted(found):
            client = found[slug]
            talks = [
                (self._talk(client, style, seed), client.language)
                for style in STYLES
                for seed in range(options["seeds"])
            ]
            self._row(slug, talks)
            everything += talks
            for talk, _language in talks if options["show"] else ():
                self._show(talk)
        self._row("all", everything)
        self.stdout.write(f"{'real clients':<48}" + "".join(f"{mark.shown(mark.real):>14}" for mark in MARKS))
        self.stdout.write(f"{'alarm above':<48}" + "".join(f"{mark.shown(mark.alarm) or '-':>14}" for mark in MARKS))
        if self.model:
            self.stdout.write(f"Cost: {usd(self.cost)}")

    def _talk(self, snapshot: ClientSnapshot, style: str, seed: int) -> Talk:
        rehearsal = Rehearsal(snapshot, system_prompt(snapshot), Talk(style, seed))
        while not rehearsal.is_over:
            rehearsal.take(self._answer(snapshot, rehearsal.next_line()))
        return rehearsal.talk

    def _answer(self, snapshot: ClientSnapshot, history: Sequence[Line]) -> str:
        if not self.model:
            return reply(snapshot, history)
        request = VoiceRequest(snapshot, system_prompt(snapshot), history, self.model, settings.REPLY_MAX_TOKENS)
        try:
            heard = hear(by=None, kind=REHEARSAL, request=request, voice=CLAUDE)
        except (BudgetExhaustedError, UnknownPriceError) as error:
            raise CommandError(str(error)) from error
        if heard.error:
            raise CommandError(f"{self.model} did not answer: {heard.error}")
        self.cost += heard.cost_microusd
        return heard.text

    def _row(self, name: str, talks: Sequence[tuple[Talk, str]]) -> None:
        replies = [(one.reply, language) for talk, language in talks for one in talk.replies]
        found = measure(replies)
        breaks, leaks = sum(talk.breaks for talk, _ in talks), sum(talk.leaks for talk, _ in talks)
        left = sum(talk.outcome == "walks_out" for talk, _ in talks)
        share = 100 * (len(replies) - breaks) / len(replies) if replies else 0
        figures = "".join(f"{mark.shown(getattr(found, mark.name)):>14}" for mark in MARKS)
        self.stdout.write(f"{name:<20}{len(replies):>8}{share:>8.1f}%{leaks:>6}{left:>5}{figures}")

    def _show(self, talk: Talk) -> None:
        self.stdout.write(f"\n  {talk.style}, trust {talk.trust}, {talk.outcome}")
        for one in talk.replies:
            self.stdout.write(f"    student: {one.said}\n    client:  {one.reply}")
        self.stdout.write("")
