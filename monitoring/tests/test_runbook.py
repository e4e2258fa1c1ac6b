"""Every kind of alert has its section in the runbook, and the settings that operators read of exist."""

import re
from pathlib import Path

from django.conf import settings

from monitoring.models import Alert

DOCS = Path(settings.BASE_DIR) / "docs"


def test_the_runbook_says_of_every_alert_what_it_means_how_to_see_it_what_to_do_and_when_it_is_over() -> None:
    text = (DOCS / "runbook.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert set(sections) == set(Alert.Kind.values)
    for kind, section in sections.items():
        for heading in ("**Means**", "**See**", "**Do**", "**Over**"):
            assert heading in section, (kind, heading)


def test_settings_and_links_that_the_documents_name_exist() -> None:
    for name in ("runbook.md", "observability.md"):
        text = (DOCS / name).read_text()
        for setting in set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", text)):
            assert hasattr(settings, setting), setting
        for link in re.findall(r"\]\(([\w./-]+)\)", text):
            assert (DOCS / link).exists(), link
