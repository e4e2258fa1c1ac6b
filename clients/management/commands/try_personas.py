"""Tries tutor personas with canonical prompts, and prints how often each keeps to its success criteria."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from clients.personas import Persona, compose
from clients.personas.canonical import Canonical, canonical_prompts
from clients.personas.clarifying import ONCE_MORE, is_one_too_many, note
from clients.personas.criteria import CRITERIA, Exchange, Result, Talk, measure, over_all
from clients.trial import REHEARSAL, TutorAsk, hear_tutor
from clients.tutors import personas_now
from clients.voices.scripted import Line
from monitoring.budgets import BudgetExhaustedError
from monitoring.models.price import UnknownPriceError
from monitoring.pricing import usd
from monitoring.providers import endpoint_of


class Command(BaseCommand):
    """Holds the conversations with a model, which alone can show what a persona is worth: the script is not tried."""

    help = "Try the tutor personas with five canonical prompts each; needs a model, and says what it cost."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which personas, by which model, and whether the conversations are shown."""
        parser.add_argument("personas", nargs="*", help="keys of personas (default: those that come with the portal)")
        parser.add_argument("--model", default="", help="model to try (default: MODEL_DEFAULT)")
        parser.add_argument("--show", action="store_true", help="print each conversation")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Hold the conversations, print the table."""
        self.model, self.cost, self.taken_back, self.too_many = options["model"] or settings.MODEL_DEFAULT, 0, 0, 0
        if missing := endpoint_of(self.model).missing:
            raise CommandError(f"{self.model} cannot be tried. {missing} Results of the script would say nothing.")
        prompts, offered = canonical_prompts(), personas_now()
        wanted = options["personas"] or list(prompts)
        if unknown := [key for key in wanted if key not in prompts or key not in offered]:
            known = ", ".join(prompts)
            raise CommandError(f"There are no canonical prompts for {', '.join(unknown)}. There are: {known}.")
        self.stdout.write(f"Model: {self.model}")
        for key in wanted:
            self._try(offered[key], prompts[key], show=options["show"])
        self.stdout.write(
            f"Clarifying replies taken back: {self.taken_back}; shown although they were one too many: {self.too_many}."
        )
        self.stdout.write(f"Cost: {usd(self.cost)}")

    def _try(self, persona: Persona, prompts: Sequence[Canonical], *, show: bool) -> None:
        results: list[list[Result]] = []
        for prompt in prompts:
            exchanges = self._talk(persona, prompt)
            results.append(measure(Talk(exchanges, prompt.learner.language), persona.criteria))
            if show:
                self._show(prompt, exchanges)
        self.stdout.write(f"\n{persona.title}: {len(prompts)} conversations")
        values: dict[str, list[str]] = {}
        for one in results:
            for result in one:
                values.setdefault(result.name, []).append("–" if result.value is None else f"{result.value:g}")
        for name, (met, measured) in over_all(results).items():
            at = next(result.threshold for result in results[0] if result.name == name)
            bound = "at least" if CRITERIA[name].at_least else "at most"
            label = str(CRITERIA[name].label)
            self.stdout.write(f"  {met}/{measured}  {label}, {bound} {at:g}: {', '.join(values[name])}")

    def _talk(self, persona: Persona, prompt: Canonical) -> list[Exchange]:
        system, language = compose(persona, prompt.learner), prompt.learner.language
        history: list[Line] = []
        replies: list[str] = []
        for line in prompt.lines:
            history.append(Line("student", line))
            told = note(replies, language)
            reply = self._reply(system, history, told)
            if is_one_too_many(replies, reply, language):
                self.taken_back += 1
                reply = self._reply(system, history, f"{told}\n{ONCE_MORE}")
                self.too_many += is_one_too_many(replies, reply, language)
            history.append(Line("client", reply))
            replies.append(reply)
        return [Exchange(said, reply) for said, reply in zip(prompt.lines, replies, strict=True)]

    def _reply(self, system: str, history: Sequence[Line], told: str) -> str:
        ask = TutorAsk(system, history, told, self.model, settings.REPLY_MAX_TOKENS)
        try:
            heard = hear_tutor(by=None, kind=REHEARSAL, ask=ask)
        except (BudgetExhaustedError, UnknownPriceError) as error:
            raise CommandError(str(error)) from error
        self.cost += heard.cost_microusd
        if heard.error:
            raise CommandError(f"{self.model} did not answer: {heard.error}")
        return heard.text

    def _show(self, prompt: Canonical, exchanges: Sequence[Exchange]) -> None:
        self.stdout.write(f"\n  {prompt.name}")
        for one in exchanges:
            self.stdout.write(f"    learner: {one.said}\n    tutor:   {one.reply}")
