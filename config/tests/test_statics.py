"""The static files of a production server."""

import re
from pathlib import Path
from typing import Any

from django.core.management import call_command


def test_a_script_names_those_that_it_imports_by_their_content(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "config.statics.HashedStatics"}}
    call_command("collectstatic", interactive=False, verbosity=0)
    scripts = [path for path in tmp_path.glob("js/**/*.js") if re.search(r"\.[0-9a-f]{12}\.js$", path.name)]
    imported = [
        (script.parent / name).resolve()
        for script in scripts
        for name in re.findall(r'from "(\./[^"]+)"', script.read_text(encoding="utf-8"))
    ]
    names = {"attempt", "clock", "composer", "connection", "flag", "log", "nudges", "page", "state", "tips"}
    assert {path.name.partition(".")[0] for path in imported} == names
    assert set(imported) <= set(scripts)
