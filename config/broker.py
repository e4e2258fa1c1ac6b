"""Celery's filesystem broker, safe for a writer and a reader that come at the same moment."""

import fcntl
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Puts whole messages in place, and reads and writes an exchange's table one at a time.

    kombu 5.7 opens both files under their final names before it locks and writes them: a worker that looks in between
    reads an empty file and dies of it.
    """

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # as kombu names it
        folder = Path(self.data_folder_out)
        # Readers take messages in the order of their names.
        name = f"{time.monotonic_ns() // 1_000_000}_{uuid.uuid4()}"
        unfinished = folder / f"{name}.part"
        try:
            unfinished.write_text(dumps(payload))
            unfinished.replace(folder / f"{name}.{queue}.msg")
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise ChannelError(f"The task could not be written to {folder}.") from error

    def get_table(self, exchange: str) -> Any:
        """The queues of an exchange."""
        with self._alone():
            return super().get_table(exchange)

    def _queue_bind(self, *names: Any) -> None:
        with self._alone():
            super()._queue_bind(*names)

    def _delete(self, *names: Any, **kwargs: Any) -> None:
        with self._alone():
            super()._delete(*names, **kwargs)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other process out of the tables."""
        self.control_folder.mkdir(parents=True, exist_ok=True)
        with (self.control_folder / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    """The filesystem transport with our channel."""

    Channel = Channel
