"""`check_voice`: try key, model, speed and price from the command line."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from clients.trial import try_voice
from monitoring.budgets import BudgetExhaustedError
from monitoring.models.price import UnknownPriceError
from monitoring.providers import endpoint_of
from monitoring.templatetags.money import usd


class Command(BaseCommand):
    """Lets the voice answer one sentence; fails with what to do when it cannot."""

    help = "Try the voice: does the key work, does the model answer, how fast, and what does a reply cost?"

    def add_arguments(self, parser: CommandParser) -> None:
        """The model, where another than the default is meant."""
        parser.add_argument("--model", default="", help="model to try (default: MODEL_DEFAULT)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Try, and say in plain words how it went."""
        if options["model"] and (missing := endpoint_of(options["model"]).missing):
            raise CommandError(f"{options['model']} cannot be tried. {missing}")
        try:
            trial = try_voice(by=None, model=options["model"])
        except UnknownPriceError as error:
            raise CommandError(
                f"{error} Add a price in the administration; a model without one is never called."
            ) from error
        except BudgetExhaustedError as error:
            raise CommandError(str(error)) from error
        if trial.fault:
            raise CommandError(
                f"{trial.model or 'The scripted voice'} does not work ({trial.fault}). {trial.advice}\n{trial.detail}"
            )
        if trial.model:
            self.stdout.write(f"The key works, and {trial.model} answers at {endpoint_of(trial.model).base_url}.")
        else:
            missing = endpoint_of(settings.MODEL_DEFAULT).missing
            self.stdout.write(f"{missing} The scripted voice speaks, which needs no model and costs nothing.")
        self.stdout.write(f"First words after {trial.first_text_ms} ms, whole reply after {trial.total_ms} ms.")
        self.stdout.write(f"This reply cost {usd(trial.cost_microusd)}.")
        self.stdout.write(f"It said: {trial.reply}")
