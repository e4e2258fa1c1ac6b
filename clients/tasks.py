"""Background work of clients."""

from celery import shared_task

from clients import trial


@shared_task(name="clients.release_forgotten_trials")
def release_forgotten_trials() -> None:
    """Give back the money of trials that died."""
    trial.release_forgotten()
