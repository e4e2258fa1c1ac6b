"""What accounts keep of a student, and how long what is kept of everybody."""

import datetime as dt
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session as SignIn
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import (
    Enrolment,
    Invitation,
    Notification,
    NotificationChoice,
    PersonKey,
    RosterFile,
    StudentDetails,
    User,
)
from accounts.services.privacy.erasure import holding_jobs
from accounts.services.rosters.job import KIND as ROSTER_KIND
from monitoring import jobs, privacy, retention
from monitoring.jobs import delete_files
from monitoring.models import Budget, BudgetAccount, JobFile
from monitoring.privacy import NotYetError, Subject, fields_of
from monitoring.retention import Batch, bounded

# The last bytes of one chunk are looked at again with the next: longer than any word that names a person.
OVERLAP = 1_200


def register_all() -> None:
    """Register what is accounts' own; called when the app starts."""
    _register_kinds()
    _register_parts()
    _register_stages()


# --- Retention --------------------------------------------------------------------------------------------------------


def _register_kinds() -> None:
    retention.register_rows(
        "notifications",
        lambda before: Notification.objects.filter(created_at__lt=before),
        label=_("notifications"),
        default_days=365,
    )
    retention.register_rows(
        "invitations",
        lambda before: Invitation.objects.filter(
            Q(used_at__lt=before) | Q(revoked_at__lt=before) | Q(expires_at__lt=before)
        ),
        label=_("invitations that were used, revoked or have expired"),
        default_days=365,
    )
    retention.register(
        "rosters",
        label=_("rosters that were looked at and not imported"),
        note=_("They are cleared after a day as well."),
        count=lambda before: bounded(RosterFile.objects.forgotten(before)),
        delete=_delete_rosters,
        default_days=1,
    )
    retention.register_rows(
        "sign_ins",
        lambda before: SignIn.objects.filter(expire_date__lt=before),
        label=_("sign-ins that have expired"),
        default_days=30,
    )
    retention.register_rows(
        "history",
        lambda before: LogEntry.objects.filter(action_time__lt=before),
        label=_("history of the administration"),
        default_days=1_095,
    )


def _delete_rosters(before: dt.datetime, at_most: int, after: Any) -> Batch:
    deleted = _delete_roster_files(list(RosterFile.objects.forgotten(before)[: at_most // 10]))
    return Batch(deleted, more=bool(deleted))


def _delete_roster_files(found: list[RosterFile]) -> int:
    for row in found:
        row.content.delete(save=False)
        row.delete()
    return len(found)


# --- Everything about one student -------------------------------------------------------------------------------------


def _register_parts() -> None:
    def part(name: str, label: Any, rows: Any) -> None:
        privacy.register_part(name, rows, label=label)

    part("account", _("The account"), lambda user: fields_of(User.objects.filter(pk=user), hide=["password"]))
    part("details", _("Details"), lambda user: fields_of(StudentDetails.objects.filter(student=user)))
    part("sourced_id", _("What the school's own system calls them"), lambda user: fields_of(_keys(user)))
    part(
        "enrolments",
        _("Sections"),
        lambda user: fields_of(Enrolment.objects.filter(student=user), section="section__name"),
    )
    part(
        "invitations",
        _("Invitations"),
        lambda user: fields_of(
            _invitations(user),
            hide=["fingerprint"],
            section="section__name",
            invited_by_name="invited_by__display_name",
        ),
    )
    part("notifications", _("Notifications"), lambda user: fields_of(_notifications(user)))
    part(
        "notification_choices",
        _("What they wish to be told"),
        lambda user: fields_of(NotificationChoice.objects.filter(user=user)),
    )
    part("sign_ins", _("Sign-ins that are open, and until when"), _sign_in_rows)
    part(
        "history",
        _("What was done with the account in the administration"),
        lambda user: fields_of(_history(user), done_by="user__display_name"),
    )


def _keys(user: uuid.UUID) -> QuerySet[PersonKey]:
    return PersonKey.objects.filter(user=user)


def _notifications(user: uuid.UUID) -> QuerySet[Notification]:
    return Notification.objects.filter(user=user)


def _invitations(user: uuid.UUID) -> QuerySet[Invitation]:
    """Those they used, whatever their address was then, and those that wait for the address of now."""
    of_address = Q(email__in=User.objects.filter(pk=user).values("email"))
    return Invitation.objects.filter(of_address | Q(used_by=user))


def _sign_ins(user: uuid.UUID) -> Iterator[SignIn]:
    """What is kept of a sign-in is signed text, so that all of them have to be read."""
    for row in SignIn.objects.iterator(chunk_size=1_000):
        if row.get_decoded().get(SESSION_KEY) == str(user):
            yield row


def _sign_in_rows(user: uuid.UUID) -> Iterator[dict[str, Any]]:
    yield from ({"expires_at": row.expire_date} for row in _sign_ins(user))


def _history(user: uuid.UUID) -> QuerySet[LogEntry]:
    """Of the account and of what belongs to it alone."""
    owned = Q()
    for model, rows in (
        (Enrolment, Enrolment.objects.filter(student=user)),
        (StudentDetails, StudentDetails.objects.filter(student=user)),
        (PersonKey, _keys(user)),
        (Invitation, _invitations(user)),
        (Budget, Budget.objects.filter(scope=Budget.Scope.USER, scope_id=user)),
        (BudgetAccount, BudgetAccount.objects.filter(budget__scope=Budget.Scope.USER, scope_id=user)),
    ):
        owned |= Q(pk__in=privacy.history_of(model, rows.values_list("pk", flat=True)).values("pk"))
    return LogEntry.objects.filter(owned | Q(pk__in=privacy.history_of(User, [user]).values("pk")))


# --- Erasure ----------------------------------------------------------------------------------------------------------


def _register_stages() -> None:
    privacy.register_stage(
        "history",
        label=_("entries in the administration's history, which stay without their name"),
        count=lambda subject: _history(subject.id).count(),
        erase=lambda subject, at_most: privacy.forget_history(_history(subject.id)) or _erase_texts(subject, at_most),
    )
    privacy.register_stage(
        "downloads",
        label=_("files of exports that may hold their words, of whoever asked for them"),
        count=lambda subject: _downloads(subject.id).count(),
        erase=_erase_downloads,
    )
    privacy.register_stage("rosters", label=_("files of rosters that name them"), count=None, erase=_erase_rosters)
    # Not counted: to find them is to read those of everybody, which neither a page nor the last step does.
    privacy.register_stage("sign_ins", label=_("sign-ins"), count=None, erase=_erase_sign_ins)
    privacy.register_rows("notifications", _notifications, label=_("notifications"))
    privacy.register_rows(
        "notification_choices",
        lambda user: NotificationChoice.objects.filter(user=user),
        label=_("choices of notifications"),
    )
    privacy.register_rows("invitations", _invitations, label=_("invitations"))
    privacy.register_rows("enrolments", lambda user: Enrolment.objects.filter(student=user), label=_("enrolments"))


def _erase_texts(subject: Subject, at_most: int) -> int:
    return privacy.blank_mentions(LogEntry, ["object_repr", "change_message"], subject, at_most)


def _downloads(user: uuid.UUID) -> QuerySet[JobFile]:
    """Exports that were made since there is this account; they can be made again, and then without it."""
    joined = User.objects.filter(pk=user).values("date_joined")
    return JobFile.objects.filter(job__kind__in=jobs.private_kinds(), created_at__gte=joined)


def _erase_downloads(subject: Subject, at_most: int) -> int:
    _wait_for_files()
    return delete_files(_downloads(subject.id)[: at_most // 10])


def _erase_rosters(subject: Subject, at_most: int) -> int:
    _wait_for_files()
    made = [row.pk for row in JobFile.objects.filter(job__kind=ROSTER_KIND) if _names(row, subject)]
    waiting = [row for row in RosterFile.objects.all() if _names(row, subject)]
    return delete_files(JobFile.objects.filter(pk__in=made)) + _delete_roster_files(waiting)


def _wait_for_files() -> None:
    running = holding_jobs().first()
    if running:
        raise NotYetError(str(running))


def _names(row: JobFile | RosterFile, subject: Subject) -> bool:
    """Whether the file may name this person: whatever is packed may."""
    sought = {word.lower().encode(code) for word in subject.words for code in ("utf-8", "utf-16-le", "utf-16-be")}
    before = b""
    try:
        with row.content.open() as file:
            if zipfile.is_zipfile(file):
                return True
            file.seek(0)
            for chunk in file.chunks():
                looked_at = (before + chunk).lower()
                if any(word in looked_at for word in sought):
                    return True
                before = chunk[-OVERLAP:]
    except FileNotFoundError:
        return True
    return False


def _erase_sign_ins(subject: Subject, at_most: int) -> int:
    keys = [row.pk for row in _sign_ins(subject.id)]
    return SignIn.objects.filter(pk__in=keys).delete()[0]
