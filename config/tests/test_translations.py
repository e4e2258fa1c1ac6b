"""The interface speaks Spanish as fully as it speaks English."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import polib
import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import translation

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "config" / "locale" / "es" / "LC_MESSAGES" / "django.po"
SOURCES = ("accounts", "clients", "config", "conversations", "monitoring", "templates")
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd%]|\{\w*\}")
TAG = re.compile(r"<[^>]+>")

Key = tuple[str | None, str]
without_gettext = pytest.mark.skipif(
    not shutil.which("xgettext") and not os.environ.get("RAPPORT_REQUIRE_SERVERS"), reason="gettext is not installed"
)


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    """The Spanish catalogue as translators see it."""
    return polib.pofile(str(CATALOGUE))


def key(entry: polib.POEntry) -> Key:
    """What tells two texts apart: their context and the English."""
    return entry.msgctxt, entry.msgid


def spanish(entry: polib.POEntry) -> list[str]:
    """Every Spanish form of a text, singular and plurals."""
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def meaning(file: polib.POFile | polib.MOFile) -> dict[Key, list[str]]:
    """Each text of a catalogue with its Spanish forms."""
    return {key(entry): spanish(entry) for entry in file}


def test_every_text_of_the_interface_has_a_spanish_one(catalogue: polib.POFile) -> None:
    assert len(catalogue) > 500
    assert [entry.msgid for entry in catalogue if not all(form.strip() for form in spanish(entry))] == []


def test_no_spanish_text_is_a_guess(catalogue: polib.POFile) -> None:
    assert [entry.msgid for entry in catalogue if entry.fuzzy] == []
    assert not catalogue.metadata_is_fuzzy


def test_spanish_texts_name_the_same_values_as_the_english(catalogue: polib.POFile) -> None:
    for entry in catalogue:
        for place, form in enumerate(spanish(entry)):
            english = entry.msgid_plural if entry.msgid_plural and place else entry.msgid
            assert set(PLACEHOLDER.findall(form)) == set(PLACEHOLDER.findall(english)), entry.msgid


def test_spanish_texts_carry_the_same_markup_as_the_english(catalogue: polib.POFile) -> None:
    for entry in catalogue:
        for form in spanish(entry):
            assert TAG.findall(form) == TAG.findall(entry.msgid), entry.msgid


def test_spanish_texts_stay_calm(catalogue: polib.POFile) -> None:
    assert [form for entry in catalogue for form in spanish(entry) if "!" in form or "¡" in form] == []


def test_what_is_served_is_what_was_translated(catalogue: polib.POFile) -> None:
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))

    assert meaning(compiled) == meaning(catalogue)


@without_gettext
def test_no_text_of_the_interface_is_missing_from_the_catalogue(
    catalogue: polib.POFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    # Gathering writes beside what it reads, so it reads a copy.
    for name in SOURCES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("tests", "locale", "__pycache__"))
    fresh = tmp_path / "config" / "locale" / "es" / "LC_MESSAGES" / "django.po"
    fresh.parent.mkdir(parents=True)
    settings.LOCALE_PATHS = [tmp_path / "config" / "locale"]
    monkeypatch.chdir(tmp_path)

    call_command("makemessages", locale=["es"], no_location=True, no_wrap=True, verbosity=0)

    gathered = {key(entry) for entry in polib.pofile(str(fresh))}
    assert len(gathered) > 500
    assert gathered - {key(entry) for entry in catalogue} == set()


@pytest.mark.django_db
def test_a_spanish_browser_gets_the_portal_in_spanish(client: Client) -> None:
    page = client.get("/accounts/login/", headers={"accept-language": "es-ES,es;q=0.9"}, follow=True).content.decode()

    assert '<html lang="es"' in page
    assert "Practica las conversaciones difíciles antes de tenerlas." in page


def test_spanish_tells_one_from_many() -> None:
    with translation.override("es"):
        forms = [
            translation.ngettext("%(number)s client fits.", "%(number)s clients fit.", count) % {"number": count}
            for count in (0, 1, 2)
        ]

    assert forms == ["0 clientes coinciden.", "1 cliente coincide.", "2 clientes coinciden."]
