"""What a section may rely on when its teacher chooses who speaks in it and who stands in."""

from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Section, SectionTeacher, User
from clients.models import ClientProfile
from conversations import section_models, sessions
from conversations.models import SectionModels
from conversations.section_models import Choice, SectionModelsError, choice_of, choose
from monitoring import breakers, providers
from monitoring.models import ModelPrice, Provider, ProviderModel
from monitoring.providers import configured

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("prices")]

HAIKU, SONNET = "claude-haiku-5-5", "claude-sonnet-5-5"


@pytest.fixture
def leader(teacher: User, section: Section) -> User:
    """Leads the section."""
    SectionTeacher.objects.filter(section=section, teacher=teacher).update(part=SectionTeacher.Part.LEAD)
    return teacher


def page(section: Section) -> str:
    return reverse("section-models", args=[section.pk])


def test_without_a_choice_the_clients_model_speaks_and_the_sites_stand_in(section: Section, settings: Any) -> None:
    settings.FALLBACK_MODELS = [SONNET]
    assert choice_of(section.pk) == choice_of(None) == Choice("", (SONNET,))


def test_the_sections_model_speaks_in_new_conversations_and_running_ones_keep_theirs(
    leader: User, section: Section, student: User, client_profile: ClientProfile, settings: Any
) -> None:
    settings.ANTHROPIC_API_KEY = "test-key"
    sessions.accept_notice(by=student)
    before = sessions.start(by=student, client=client_profile)
    choose(by=leader, section=section, model=SONNET, stand_ins=[HAIKU])
    sessions.end(by=student, session=before)
    after = sessions.start(by=student, client=client_profile)
    assert (before.model, after.model) == (HAIKU, SONNET)
    assert choice_of(section.pk) == Choice(SONNET, (HAIKU,))


def test_where_the_chosen_model_cannot_be_called_the_first_that_can_speaks_and_else_the_script(
    leader: User, section: Section, settings: Any
) -> None:
    settings.ANTHROPIC_API_KEY = "test-key"
    ollama = Provider.objects.create(name="Ollama", protocol="messages", base_url="http://ollama:11434")
    ProviderModel.objects.create(provider=ollama, name="llama3.1:8b")
    ModelPrice.objects.create(model="llama3.1:8b", input=0, output=0, cache_write=0, cache_read=0)
    choose(by=leader, section=section, model="llama3.1:8b", stand_ins=[HAIKU])
    assert section_models.voice_in(section.pk, SONNET) == ("claude", "llama3.1:8b")
    Provider.objects.update(is_active=False)
    providers.forget()
    assert section_models.voice_in(section.pk, SONNET) == ("claude", HAIKU)
    settings.ANTHROPIC_API_KEY = ""
    assert section_models.voice_in(section.pk, SONNET) == ("scripted", "scripted")


@pytest.mark.parametrize(
    ("model", "stand_ins", "said"),
    [
        ("no-such-model", [], "not offered"),
        ("", ["no-such-model"], "not offered"),
        (HAIKU, [HAIKU], "once"),
        ("", [SONNET, SONNET], "once"),
        ("", ["a", "b", "c", "d"], "At most 3"),
    ],
)
def test_what_cannot_be_chosen_is_refused_in_words(
    leader: User, section: Section, model: str, stand_ins: list[str], said: str
) -> None:
    with pytest.raises(SectionModelsError, match=said):
        choose(by=leader, section=section, model=model, stand_ins=stand_ins)
    assert not SectionModels.objects.exists()


def test_only_who_leads_the_section_chooses(other_teacher: User, student: User, section: Section) -> None:
    for somebody in (other_teacher, student):
        with pytest.raises(SectionModelsError):
            choose(by=somebody, section=section, model=HAIKU, stand_ins=[])
        with pytest.raises(SectionModelsError):
            section_models.reset(by=somebody, section=section)


def test_the_page_chooses_says_who_did_and_gives_the_sites_choice_back(
    client: Browser, leader: User, section: Section
) -> None:
    client.force_login(leader)
    shown = client.get(page(section)).content.decode()
    assert "Nothing has been chosen for this section" in shown
    assert f"{SONNET}: about $" in shown
    sent = {"model": SONNET, "stand_in_0": "", "stand_in_1": HAIKU, "stand_in_2": ""}
    assert client.post(page(section), sent).status_code == 302
    # An empty place is none.
    assert choice_of(section.pk) == Choice(SONNET, (HAIKU,))
    shown = client.get(page(section)).content.decode()
    assert "Chosen by Teacher on" in shown
    assert f'<option value="{SONNET}" selected' in shown
    assert client.post(page(section), {"reset": "yes"}).status_code == 302
    assert not SectionModels.objects.exists()


def test_a_mistake_is_told_at_its_field_and_what_was_chosen_stays(
    client: Browser, leader: User, section: Section
) -> None:
    client.force_login(leader)
    sent = {"model": SONNET, "stand_in_0": SONNET, "stand_in_1": HAIKU}
    answer = client.post(page(section), sent)
    assert answer.context["form"].errors == {"stand_in_0": ["This model is named above already."]}
    assert f'<option value="{HAIKU}" selected' in answer.content.decode()
    assert not SectionModels.objects.exists()


def test_a_model_that_is_not_offered_any_more_is_still_seen_and_cannot_be_saved(
    client: Browser, leader: User, section: Section
) -> None:
    SectionModels.objects.create(section=section, model="gone", stand_ins=[HAIKU])
    client.force_login(leader)
    assert "gone, not offered any more" in client.get(page(section)).content.decode()
    answer = client.post(page(section), {"model": "gone"})
    assert "gone is not offered here" in answer.content.decode()


def test_who_chooses_sees_which_model_does_not_answer(client: Browser, leader: User, section: Section) -> None:
    for _ in range(5):
        breakers.failed(provider=configured().provider, model=SONNET, fault="overloaded")
    client.force_login(leader)
    shown = client.get(page(section)).content.decode()
    assert shown.count("does not answer just now") == 4
    assert f'<option value="{SONNET}">' in shown


def test_an_archived_section_keeps_its_choice(leader: User, section: Section) -> None:
    choose(by=leader, section=section, model=SONNET, stand_ins=[])
    Section.objects.update(archived_at=timezone.now())
    assert choice_of(section.pk) == Choice(SONNET, ())
