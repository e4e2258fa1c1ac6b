"""The filesystem broker: every task arrives whole and once, however many processes write and read."""

import subprocess
import sys
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection
from kombu.exceptions import ChannelError

from config import broker

WRITER = """
import sys
from kombu import Connection
from config import broker
options = {"data_folder_in": sys.argv[1], "data_folder_out": sys.argv[1], "control_folder": sys.argv[2]}
with Connection(transport=broker.Transport, transport_options=options) as connection:
    queue = connection.SimpleQueue("work")
    for number in range(300):
        queue.put({"number": number, "padding": "x" * 20_000})
"""


def channel_of(here: Connection) -> Any:
    """A channel of ours, which knows more than its base."""
    return here.channel()


def connection(folder: Path) -> Connection:
    (folder / "queue").mkdir(exist_ok=True)
    queue = str(folder / "queue")
    options = {"data_folder_in": queue, "data_folder_out": queue, "control_folder": str(folder / "control")}
    return Connection(transport=broker.Transport, transport_options=options)


def test_a_task_that_is_read_while_it_is_written_arrives_whole_and_once(tmp_path: Path) -> None:
    with connection(tmp_path) as here:
        queue = here.SimpleQueue("work")
        arguments = [sys.executable, "-c", WRITER, str(tmp_path / "queue"), str(tmp_path / "control")]
        writers = [subprocess.Popen(arguments) for _ in range(2)]
        heard: list[int] = []
        while len(heard) < 600:
            try:
                message = queue.get(timeout=60)
            except Empty:
                break
            message.ack()
            heard.append(message.payload["number"])
        assert [writer.wait(60) for writer in writers] == [0, 0]
    assert sorted(heard) == sorted([*range(300), *range(300)])


def test_a_task_for_all_reaches_every_queue_of_its_exchange(tmp_path: Path) -> None:
    with connection(tmp_path) as here, channel_of(here) as channel:
        channel.exchange_declare("news", "fanout")
        for name in ("one", "two"):
            channel.queue_declare(name)
            channel.queue_bind(name, "news", "")
        assert {bound.queue for bound in channel.get_table("news")} == {"one", "two"}
        channel.queue_delete("one")
        channel._delete("one", "news", "", "")
        assert {bound.queue for bound in channel.get_table("news")} == {"two"}


def test_a_task_that_cannot_be_written_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with connection(tmp_path) as here, channel_of(here) as channel:
        with pytest.raises(ChannelError, match="could not be written"):
            channel._put("a/queue/that/is/no/name", {})
        assert not list((tmp_path / "queue").iterdir())
