"""What teachers may rely on: they see when a client left the character, and nobody's name who is not theirs."""

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Section, User
from clients.models import ClientProfile
from conftest import make_user
from conversations import sessions
from conversations.models import Breach, Message, Session, TranscriptReading
from conversations.tests.pages import begin

pytestmark = pytest.mark.django_db


def browser(user: User) -> Browser:
    signed_in = Browser()
    signed_in.force_login(user)
    return signed_in


@pytest.fixture
def taken_back(student: User, client_profile: ClientProfile, section: Section) -> Message:
    """A reply that left the character twice, in the last of ten replies by a model."""
    sessions.accept_notice(by=student)
    talk = sessions.start(by=student, client=client_profile)
    Session.objects.filter(pk=talk.pk).update(voice=Session.Voice.CLAUDE, exchanges=10, last_sequence=2)
    asked = Message.objects.create(session=talk, sequence=1, role="student", content="Who made you?")
    kept = Message.objects.create(
        session=talk, sequence=2, role="client", content="My mother, I suppose.", reply_to=asked
    )
    for attempt, kind in ((1, Breach.Kind.AI), (2, Breach.Kind.PROMPT)):
        Breach.objects.create(
            session=talk, client=client_profile, reply_id=kept.pk, kind=kind, attempt=attempt, model="claude-haiku-5-5",
            excerpt=f"It is <b>{kind}</b> I am",
        )  # fmt: skip
    return kept


@pytest.mark.usefixtures("still")
def test_the_owner_reads_how_often_it_was_and_what_was_said_instead(
    teacher: User, client_profile: ClientProfile, taken_back: Message, student: User
) -> None:
    signed_in = browser(teacher)
    page = signed_in.get(reverse("client-detail", args=[client_profile.pk])).content.decode()
    assert "Out of character: 1 in 10 replies" in page
    assert reverse("client-breaches", args=[client_profile.pk]) in page
    with CaptureQueriesContext(connection) as queries:
        page = signed_in.get(reverse("client-breaches", args=[client_profile.pk])).content.decode()
    assert len(queries) <= 12, [query["sql"][:120] for query in queries]
    assert "It is &lt;b&gt;ai&lt;/b&gt; I am" in page
    assert "Gave away its instructions" in page
    assert "My mother, I suppose." in page
    assert f"Transcript of {student.display_name}" in page
    assert "Who made you?" not in page
    assert not TranscriptReading.objects.exists()


def test_the_list_shows_one_kind_when_asked(teacher: User, client_profile: ClientProfile, taken_back: Message) -> None:
    address = reverse("client-breaches", args=[client_profile.pk])
    page = browser(teacher).get(address, {"kind": "prompt"}).content.decode()
    assert "It is &lt;b&gt;prompt" in page
    assert "It is &lt;b&gt;ai" not in page
    assert "None of this kind" in browser(teacher).get(address, {"kind": "fact"}).content.decode()
    part = browser(teacher).get(address, {"kind": "nonsense", "q": "x"}, headers={"HX-Request": "true"})
    assert part.content.decode().count("It is") == 2
    assert "<html" not in part.content.decode()


def test_a_client_that_never_left_the_character_has_an_empty_list(
    teacher: User, student: User, client_profile: ClientProfile
) -> None:
    address = reverse("client-breaches", args=[client_profile.pk])
    page = browser(teacher).get(address).content.decode()
    assert "No model has spoken for this client yet" in page
    assert "Always in character" not in page
    page = browser(teacher).get(reverse("client-detail", args=[client_profile.pk])).content.decode()
    assert "Out of character" not in page
    talk = begin(student, client_profile)
    Session.objects.filter(pk=talk.pk).update(voice=Session.Voice.CLAUDE, exchanges=1)
    assert "Always in character" in browser(teacher).get(address).content.decode()


def test_a_colleague_with_whom_the_client_is_shared_sees_only_what_is_theirs(
    teacher: User, other_teacher: User, client_profile: ClientProfile, taken_back: Message, student: User
) -> None:
    ClientProfile.objects.update(visibility=ClientProfile.Visibility.SHARED)
    page = browser(other_teacher).get(reverse("client-breaches", args=[client_profile.pk])).content.decode()
    assert "It is" not in page
    # An owner who does not teach the student sees what was said, and not whose it was.
    ClientProfile.objects.update(owner=other_teacher)
    page = browser(other_teacher).get(reverse("client-breaches", args=[client_profile.pk])).content.decode()
    assert "It is &lt;b&gt;ai" in page
    assert student.display_name not in page
    assert "not of your sections" in page


def test_the_transcript_says_to_teachers_alone_that_a_reply_was_taken_back(
    teacher: User, student: User, taken_back: Message
) -> None:
    address = reverse("transcript", args=[taken_back.session_id])
    assert (
        "Before this the model spoke of being an AI, which was taken back."
        in browser(teacher).get(address).content.decode()
    )
    assert "taken back" not in browser(student).get(address).content.decode()


def test_admins_see_the_breaches_of_built_in_clients(taken_back: Message, operator: User) -> None:
    ClientProfile.objects.update(owner=None, slug="maria")
    client = ClientProfile.objects.get()
    assert "It is" in browser(operator).get(reverse("client-breaches", args=[client.pk])).content.decode()
    stranger = make_user("stranger", User.Role.STUDENT)
    assert browser(stranger).get(reverse("client-breaches", args=[client.pk])).status_code == 404
