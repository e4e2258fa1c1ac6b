"""The hearts of Celery's processes: each worker process says that it lives, and so does beat, as web processes do."""

import logging
import threading
import time
import uuid
from typing import Any

from billiard.process import current_process
from celery import signals
from celery.beat import PersistentScheduler
from django.conf import settings

logger = logging.getLogger("rapport.hearts")


class Heart:
    """One process among the living, from its first beat until `stop`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.process_id = uuid.uuid4()
        self._beaten_at = float("-inf")
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Beat from a thread of its own: a worker that is busy for minutes lives too."""
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leave the living in order."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._say(lambda heartbeats: heartbeats.stop(self.process_id))

    def beat(self) -> None:
        """Say that this process lives, unless it has just said so."""
        now = time.monotonic()
        if now - self._beaten_at >= settings.WORKER_PULSE_SECONDS:
            self._beaten_at = now
            self._say(lambda heartbeats: heartbeats.beat(self.process_id, self.kind))

    def _run(self) -> None:
        while True:
            self.beat()
            if self._stopping.wait(settings.WORKER_PULSE_SECONDS):
                return

    def _say(self, words: Any) -> None:
        """A database that is away costs a beat and no more; the next one comes in seconds."""
        # Late: this module is there before the models are.
        from django.db import Error, connection

        from monitoring import heartbeats

        try:
            words(heartbeats)
        except Error:
            logger.warning("The heart of this process could not beat.", exc_info=True)
        finally:
            if not connection.in_atomic_block:
                connection.close()


class BeatingScheduler(PersistentScheduler):
    """Celery's own schedule, whose process is among the living while it ticks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.heart = Heart("beat")
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due, and beat; seconds until the next tick."""
        self.heart.beat()
        pause: float = super().tick(*args, **kwargs)
        return min(pause, settings.WORKER_PULSE_SECONDS)

    def close(self) -> None:
        """Write the schedule down and leave the living."""
        super().close()
        self.heart.stop()


_hearts: list[Heart] = []


def _start() -> None:
    _hearts.append(Heart("worker"))
    _hearts[-1].start()


@signals.worker_process_init.connect
def _on_child(**_: Any) -> None:
    """A process that a worker forked to do its tasks. The worker itself must hold no connection when it forks."""
    if current_process().name != "MainProcess":
        _start()


@signals.worker_ready.connect
def _on_ready(sender: Any, **_: Any) -> None:
    """A worker that does its tasks itself, when nothing is forked any more, such as an embedded beat."""
    if "prefork" not in type(sender.pool).__module__:
        _start()


@signals.worker_process_shutdown.connect
@signals.worker_shutdown.connect
def _on_end(**_: Any) -> None:
    while _hearts:
        _hearts.pop().stop()
