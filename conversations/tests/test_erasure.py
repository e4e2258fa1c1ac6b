"""An erasure of one student leaves nothing but sums, whatever goes on or breaks meanwhile."""

import datetime as dt
import itertools
import threading
import time
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.files.base import ContentFile
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import RosterFile, Section, User
from accounts.services import (
    ErasedError,
    accept_invitation,
    enable_user,
    invite,
    privacy,
)
from accounts.services.privacy import ErasureRuleError
from accounts.services.privacy.erasure import subject_of
from clients.models import ClientProfile
from conversations import sessions
from conversations.models import Message, Rubric, Session, Turn
from conversations.tests.everything import (
    OTHER,
    WORD,
    breaches,
    choose,
    erase,
    files_with,
    has_message,
    money,
    places_of,
    run,
    settle_yesterday,
)
from conversations.tests.pages import free_money, signed_in, words
from conversations.turns.accept import accept
from conversations.turns.finish import Outcome, finish
from monitoring import figures, jobs, periods
from monitoring import privacy as registered
from monitoring.jobs import Progress
from monitoring.models import NOBODY, DailyUserUsage, Erasure, ErrorEntry, Job, JobFile, Reservation
from monitoring.pricing import Usage

pytestmark = [pytest.mark.django_db, pytest.mark.servers, pytest.mark.usefixtures("media")]


def test_an_erasure_leaves_no_word_anywhere_and_every_cost(
    two: User, admin: User, media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    day = settle_yesterday()
    before, usage = money(), figures.usage_between(day, periods.today())
    assert breaches() == {}
    assert len(files_with(media, WORD)) == 4
    key, other = two.pk, User.objects.get(email=f"{OTHER}@example.com")
    talks = Session.objects.filter(student=other).count()
    with django_capture_on_commit_callbacks(execute=True):
        job = run(erase(admin, two))
    assert (job.state, job.error) == ("completed", "")
    assert places_of(WORD) == set()
    assert places_of(str(key), key.hex) == {"monitoring.Erasure.subject_uuid"}
    assert files_with(media, WORD) == []
    assert (money(), figures.usage_between(day, periods.today())) == (before, usage)
    assert breaches() == {}
    people = figures.usage_between(day, day, "user_uuid", only=["cost_microusd"])
    assert people[(NOBODY,)]["cost_microusd"] > 0
    assert (key,) not in people
    assert Session.objects.filter(student=other).count() == talks
    assert has_message(OTHER)
    record = Erasure.objects.get()
    assert (record.by, record.subject_uuid, record.reason) == (admin, key, "Asked for by [erased]")
    assert record.finished_at
    assert record.counts["conversations"] == 3
    assert record.counts["account"] == 1


def test_an_erasure_that_dies_at_every_step_goes_on(
    two: User,
    admin: User,
    media: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.JOB_SLICE_SECONDS = 0.0
    calls = itertools.count()

    def dies_every_other_time(job: Job) -> Progress:
        progress = privacy.erase(job)
        if next(calls) % 2 == 0:
            raise RuntimeError("The worker died before it could say so.")
        return progress

    monkeypatch.setitem(jobs._handlers, privacy.ERASURE_KIND, jobs._Handler(dies_every_other_time, True, "job", False))
    job = erase(admin, two)
    with django_capture_on_commit_callbacks(execute=True):
        while not job.is_ended:
            jobs.work(job.pk, job.fence)
            job.refresh_from_db()
    assert job.state == "completed"
    assert (places_of(WORD), files_with(media, WORD), breaches()) == (set(), [], {})


def test_an_erasure_that_failed_is_begun_again_and_goes_on(two: User, admin: User, media: Path) -> None:
    job = erase(admin, two)
    assert erase(admin, two) == job
    Job.objects.filter(pk=job.pk).update(state="failed", finished_at=timezone.now())
    again = erase(admin, two)
    assert again != job
    assert run(again).state == "completed"
    assert Erasure.objects.count() == 1


def test_the_address_has_to_be_typed(student: User, admin: User) -> None:
    with pytest.raises(ErasureRuleError, match="not the e-mail address"):
        privacy.begin_erasure(by=admin, student=student, email="else@example.com")
    student.refresh_from_db()
    assert student.is_active


def test_the_account_is_closed_at_once_and_open_conversations_end(
    student: User, admin: User, section: Section, client_profile: ClientProfile
) -> None:
    sessions.accept_notice(by=student)
    sessions.start(by=student, client=client_profile)
    job = erase(admin, student)
    student.refresh_from_db()
    assert not student.is_active
    assert run(job).state == "completed"
    erasure = Erasure.objects.get()
    assert erasure.counts["open_conversations"] == 1
    record = signed_in(admin).get(reverse("admin:monitoring_erasure_change", args=[erasure.pk])).text
    assert f"{registered.stages()['open_conversations'].label}: 1<br>" in record
    assert not Session.objects.exists()


def test_a_reply_that_runs_is_waited_for(
    student: User, admin: User, section: Section, client_profile: ClientProfile
) -> None:
    sessions.accept_notice(by=student)
    session = sessions.start(by=student, client=client_profile)
    turn = accept(by=student, session_id=session.pk, client_key=uuid.uuid4(), text="Hello", owner=uuid.uuid4()).turn
    job = run(erase(admin, student))
    assert (job.state, Message.objects.count()) == ("running", 1)
    finish(turn.pk, turn.fence, Outcome(Turn.Status.STOPPED, "", Usage()))
    assert run(job).state == "completed"
    assert not Turn.objects.exists()
    assert breaches() == {}


@pytest.mark.several_writers
@pytest.mark.django_db(transaction=True)
def test_a_reply_that_ends_while_a_stage_waits_for_its_conversation_is_kept_and_billed(
    student: User, admin: User, section: Section, client_profile: ClientProfile
) -> None:
    sessions.accept_notice(by=student)
    session = sessions.start(by=student, client=client_profile)
    turn = accept(by=student, session_id=session.pk, client_key=uuid.uuid4(), text="Hello", owner=uuid.uuid4()).turn
    job = erase(admin, student)
    Job.objects.filter(pk=job.pk).update(checkpoint={"place": list(registered.stages()).index("open_conversations")})

    def work() -> None:
        jobs.work(job.pk, job.fence)
        connections.close_all()

    worker = threading.Thread(target=work)
    with transaction.atomic():
        assert finish(turn.pk, turn.fence, Outcome(Turn.Status.COMPLETE, "Hello.", Usage()))
        worker.start()
        wait_until_somebody_waits()
    worker.join(20)
    assert not ErrorEntry.objects.exists()
    job.refresh_from_db()
    assert run(job).state == "completed"
    assert breaches() == {}


def wait_until_somebody_waits() -> None:
    """Until another transaction waits for a lock."""
    for _try in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    pytest.fail("Nobody waits.")


def test_work_with_files_that_may_name_them_is_waited_for(student: User, teacher: User, admin: User) -> None:
    roster = Job.objects.create(kind="accounts.roster", label="Roster a.csv", owner=teacher, language="en")
    with pytest.raises(ErasureRuleError, match=r"Roster a\.csv"):
        erase(admin, student)
    Job.objects.update(state="completed", finished_at=timezone.now())
    job = erase(admin, student)
    Job.objects.filter(pk=roster.pk).update(state="running", finished_at=None)
    assert run(job).state == "running"
    Job.objects.filter(pk=roster.pk).update(state="completed", finished_at=timezone.now())
    Job.objects.filter(pk=job.pk).update(checkpoint={"place": list(registered.stages()).index("rosters")})
    Job.objects.filter(pk=roster.pk).update(state="running", finished_at=None)
    assert run(job).state == "running"
    Job.objects.filter(pk=roster.pk).update(state="completed", finished_at=timezone.now())
    assert run(job).state == "completed"


def test_a_page_says_what_an_erasure_waits_for(student: User, teacher: User, admin: User) -> None:
    job = erase(admin, student)
    label = f"Roster of {student.email}"
    roster = Job.objects.create(kind="accounts.roster", label=label, owner=teacher, language="en", state="paused")
    assert run(job).state == "running"
    page = reverse("job", args=[job.pk])
    assert "It waits for: Roster of [erased] (paused)." in words(signed_in(admin).get(page))
    Job.objects.filter(pk=roster.pk).update(state="completed", finished_at=timezone.now())
    assert run(job).state == "completed"
    assert "It waits for" not in words(signed_in(admin).get(page))


def test_their_own_work_may_end_by_itself_while_it_is_cancelled(
    student: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = jobs.cancel
    Job.objects.create(kind="conversations.export", label="Export", owner=student, language="en")

    def too_late(*, by: User, job: Job) -> None:
        Job.objects.filter(pk=job.pk).update(state="completed", finished_at=timezone.now())
        cancel(by=by, job=job)

    monkeypatch.setattr(jobs, "cancel", too_late)
    assert run(erase(admin, student)).state == "completed"


def test_their_own_work_is_cancelled(student: User, admin: User) -> None:
    own = Job.objects.create(kind="conversations.export", label="Export", owner=student, language="en")
    assert run(erase(admin, student)).state == "completed"
    assert not Job.objects.filter(pk=own.pk).exists()


def test_who_taught_before_stays_as_a_key_without_a_name(
    two: User, admin: User, rubric: Rubric, section: Section
) -> None:
    Rubric.objects.filter(pk=rubric.pk).update(owner=two)
    assert run(erase(admin, two)).state == "completed"
    two.refresh_from_db()
    assert (two.display_name, two.is_active, two.has_usable_password()) == ("[erased]", False, False)
    assert places_of(WORD) == set()
    erasure = Erasure.objects.get()
    assert erasure.counts["account_emptied"] == 1
    record = signed_in(admin).get(reverse("admin:monitoring_erasure_change", args=[erasure.pk])).text
    assert "the account, emptied: others refer to it: 1<br>" in record
    with pytest.raises(ErasureRuleError, match="erased already"):
        erase(admin, two)
    with pytest.raises(ErasedError, match="stays disabled"):
        enable_user(by=admin, user=two)
    # Delivered once more, the job changes nothing.
    job = Job.objects.create(
        kind=privacy.ERASURE_KIND, label="x", language="en", input={"erasure": str(Erasure.objects.get().pk)}
    )
    assert run(job).state == "completed"


def test_an_account_to_which_something_else_still_refers_is_not_taken_for_a_former_teachers(
    student: User, admin: User, rubric: Rubric, monkeypatch: pytest.MonkeyPatch
) -> None:
    Rubric.objects.filter(pk=rubric.pk).update(owner=student)
    monkeypatch.setattr(registered, "_of_staff", registered.of_staff() - {Rubric})
    job = run(erase(admin, student))
    assert (job.state, job.error) == ("failed", "The account stays: rubrics still refer to it.")
    assert User.objects.get(pk=student.pk).email == student.email
    assert not Erasure.objects.get().finished_at


def test_an_account_stays_disabled_from_the_moment_somebody_begins_to_erase_it(student: User, admin: User) -> None:
    job = erase(admin, student)
    answer = choose(admin, "enable", student, follow=True)
    assert "being erased, or was. The account stays disabled." in words(answer)
    page = reverse("admin:accounts_student_change", args=[student.pk])
    form = {
        "email": student.email, "display_name": "Student", "is_active": "on",
        "student_details-TOTAL_FORMS": "0", "student_details-INITIAL_FORMS": "0",
    }  # fmt: skip
    assert "The account stays disabled." in words(signed_in(admin).post(page, form))
    assert not User.objects.get(pk=student.pk).is_active
    assert run(job).state == "completed"


def test_who_was_enrolled_by_the_sections_form_is_not_named_in_its_history(admin: User, section: Section) -> None:
    jose = User.objects.create_user("jp@example.com", display_name="José Peña", role=User.Role.STUDENT)
    form = {
        "name": section.name,
        "teaching-TOTAL_FORMS": "0", "teaching-INITIAL_FORMS": "0",
        "enrolments-TOTAL_FORMS": "1", "enrolments-INITIAL_FORMS": "0", "enrolments-0-student": str(jose.pk),
    }  # fmt: skip
    assert signed_in(admin).post(reverse("admin:accounts_section_add"), form).status_code == 302
    entry = LogEntry.objects.get(content_type__model="section")
    assert "José Peña" in entry.get_change_message()
    quoted = LogEntry.objects.log_actions(
        admin.pk,
        [section],
        CHANGE,
        change_message=[{"added": {"name": "x", "object": "“José Peña”"}}],
        single_object=True,
    )
    assert run(erase(admin, jose)).state == "completed"
    for row in (entry, quoted):
        row.refresh_from_db()
        assert "[erased]" in row.get_change_message()
        assert "Pe" not in row.change_message


def test_an_invitation_that_came_to_an_earlier_address_goes_too(admin: User, teacher: User, section: Section) -> None:
    link = invite(by=teacher, email="earlier@example.com", role=User.Role.STUDENT, section=section)
    token = link.url.rstrip("/").rpartition("/")[2]
    newcomer, _section = accept_invitation(by=None, token=token, display_name="Ana", password="a-good-word-3")
    newcomer.email = "later@example.com"
    newcomer.save()
    assert run(erase(admin, newcomer)).state == "completed"
    assert places_of("earlier@example.com") == set()


def test_sign_ins_of_everybody_are_not_read_to_say_what_would_go(two: User) -> None:
    with CaptureQueriesContext(connection) as asked:
        lost = dict(privacy.what_would_go(two))
    assert lost["sign-ins"] is None
    assert not [query for query in asked.captured_queries if "django_session" in query["sql"]]


def test_what_comes_meanwhile_is_erased_before_the_account(student: User, admin: User, section: Section) -> None:
    job = erase(admin, student)
    Job.objects.filter(pk=job.pk).update(checkpoint={"place": len(registered.stages())})
    assert run(job).state == "completed"
    assert Erasure.objects.get().counts["enrolments"] == 1


def test_what_was_kept_of_days_by_another_clock_loses_its_name_too(student: User, admin: User) -> None:
    for key, attempts in ((student.pk, 2), (NOBODY, 3)):
        day = {"day": dt.date(2026, 1, 1), "model": "m", "kind": "turn"}
        DailyUserUsage.objects.create(**day, user_uuid=key, attempts=attempts)
    assert run(erase(admin, student)).state == "completed"
    left = DailyUserUsage.objects.get()
    assert (left.user_uuid, left.attempts) == (NOBODY, 5)


def test_sums_of_days_that_are_written_after_their_stage_lose_the_name_too(student: User, admin: User) -> None:
    # Whoever added the day up read the ledger before, and writes now.
    job = erase(admin, student)
    DailyUserUsage.objects.create(day=dt.date(2026, 1, 1), model="m", kind="turn", user_uuid=student.pk, attempts=2)
    held = free_money(student)
    Job.objects.filter(pk=job.pk).update(checkpoint={"place": len(registered.stages())})
    job.refresh_from_db()
    assert privacy.erase(job).checkpoint == {"place": 0}
    assert run(job).state == "completed"
    assert DailyUserUsage.objects.get().user_uuid == NOBODY
    assert not Reservation.objects.get(pk=held.pk).user_id


def test_texts_lose_the_name_so_many_at_a_time_and_what_only_looks_like_it_stays(student: User) -> None:
    for text in (f"x{student.email}", f"To {student.email}", f"Of {student.pk}"):
        ErrorEntry.objects.create(kind="mail.lost", detail=text)
    changed = [registered.blank_mentions(ErrorEntry, ["detail"], subject_of(student), 1) for _round in range(3)]
    assert changed == [1, 1, 0]
    told = set(ErrorEntry.objects.values_list("detail", flat=True))
    assert told == {f"x{student.email}", "To [erased]", "Of [erased]"}


def test_files_of_rosters_go_only_where_they_may_name_the_student(
    media: Path, student: User, teacher: User, admin: User
) -> None:
    job = Job.objects.create(
        kind="accounts.roster", label="x", owner=teacher, language="en", state="completed", finished_at=timezone.now()
    )
    kept = jobs.attach(job=job, name="a.csv", content=ContentFile(b"email\nsomebody@example.org\n"))
    lost = jobs.attach(job=job, name="b.csv", content=ContentFile(b"gone"))
    lost.content.storage.delete(str(lost.content.name))
    packed = media / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("users.csv", "x")
    RosterFile.objects.create(owner=teacher, name="a.zip", content=ContentFile(packed.read_bytes(), "a"))
    assert run(erase(admin, student)).state == "completed"
    assert list(JobFile.objects.values_list("pk", flat=True)) == [kept.pk]
    assert not RosterFile.objects.exists()


def test_a_name_of_one_word_is_nobodys(student: User) -> None:
    words_of = subject_of(student).words
    assert student.display_name == "Student"
    assert set(words_of) == {str(student.pk), student.pk.hex, student.email}
    assert subject_of(student).named_in(f"Not mailed to {student.email.upper()}.")
    assert not subject_of(student).named_in(f"Not mailed to x{student.email}.")
