"""The suite starts servers of its own, and says what to install where it cannot."""

import os
import sys
from pathlib import Path

import pytest

from bench.faults.servers import MissingServerError, find, unprivileged


def test_a_program_that_is_not_installed_is_named_with_its_package() -> None:
    with pytest.raises(MissingServerError, match=r"no no-such-server here.*apt install redis-server"):
        find("no-such-server", "redis-server")


def test_a_program_is_found_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    python = Path(sys.executable)
    monkeypatch.setenv("PATH", str(python.parent))
    assert Path(find(python.name, "redis-server")) == python


def test_postgresql_never_runs_as_root() -> None:
    assert unprivileged() in ({"postgres", "nobody"} if os.geteuid() == 0 else {None})
