"""Mailing notifications: all that waits for a person goes out as one mail, and never twice."""

import datetime as dt
import smtplib
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from accounts.models import Notification, School, User
from accounts.models.user import known_zone
from accounts.services.links import site_url
from monitoring import errors
from monitoring.models.alert import Severity

# What could not be mailed for so long is old news; it stays in the portal's list.
MAIL_WITHIN = dt.timedelta(days=1)
# Longer than one mail takes, with the time that a silent mail server is given.
LOST_AFTER = dt.timedelta(minutes=10)
PEOPLE_PER_RUN = 200
LINES_PER_MAIL = 20
# A server that refuses so many wants to be left alone until the next run.
FAILURES_PER_RUN = 5


def mail_waiting() -> int:
    """Mail people what waits for them, one mail each; how many mails went out.

    Rows are claimed before their mail is sent, so that neither a second worker nor a crash mails anything twice. What
    a crash, or a server that breaks off, takes with it is not tried again: the portal's list has it, and the errors
    say so. The other way round, a worker that dies at each mail would send the same ones every minute.
    """
    if not settings.MAIL_CONFIGURED:
        return 0
    _give_up_lost()
    waiting = Notification.objects.waiting_for_mail(timezone.now() - MAIL_WITHIN).order_by().values("user")
    # In any order, so that those whom the server refuses for now do not keep the others waiting.
    people = User.objects.filter(pk__in=waiting, is_active=True, is_demo=False).order_by("?")
    return _mail_all(list(people[:PEOPLE_PER_RUN]))


def _mail_all(people: list[User]) -> int:
    connection, sent, failed = get_connection(), 0, 0
    try:
        for person in people:
            if failed == FAILURES_PER_RUN or not _opened(connection):
                break
            try:
                sent += _mail(person, connection)
            except OSError:
                failed += 1
                connection.close()  # the next one begins anew, whatever state this one was left in
    finally:
        connection.close()
    return sent


def _opened(connection: Any) -> bool:
    """Whether the mail server can be reached; asked before anything is claimed."""
    try:
        connection.open()
    except OSError as error:  # smtplib's errors are OSErrors too
        errors.record(kind="mail.unreachable", source="notifications", detail=str(error))
        return False
    return True


def _mail(person: User, connection: Any) -> bool:
    """Send this person what waits for them, if anything still does. Raises OSError after writing down what became."""
    rows = _claim(person)
    if not rows:
        return False
    claimed = Notification.objects.filter(pk__in=[row.pk for row in rows])
    try:
        connection.send_messages([_message(person, rows)])
    except OSError as error:
        later = _is_temporary(error)
        if later:
            claimed.update(mailed_at=None)
        else:
            claimed.update(to_mail=False)
        errors.record(
            kind="mail.refused",
            source="notifications",
            severity=Severity.WARNING if later else Severity.ERROR,
            detail=f"{'To be tried again' if later else 'Not mailed'}: {len(rows)} for user {person.pk}. {error}",
        )
        raise
    claimed.update(to_mail=False)
    return True


@transaction.atomic
def _claim(person: User) -> list[Notification]:
    """What waits for this person, oldest first; from now on ours alone."""
    waiting = Notification.objects.waiting_for_mail(timezone.now() - MAIL_WITHIN).filter(user=person)
    rows = list(waiting.select_for_update().order_by("created_at", "id"))
    Notification.objects.filter(pk__in=[row.pk for row in rows]).update(mailed_at=timezone.now())
    return rows


@transaction.atomic
def _give_up_lost() -> None:
    """Write down what was claimed by a worker that died before it could say whether the mail went out."""
    now = timezone.now()
    # As far back as the index has to be read after a long stop, not to its beginning.
    recent = Notification.objects.filter(created_at__gte=now - 7 * MAIL_WITHIN)
    claimed = recent.filter(to_mail=True, mailed_at__lt=now - LOST_AFTER)
    lost = list(claimed.select_for_update().values_list("pk", "user"))
    if not lost:
        return
    Notification.objects.filter(pk__in=[pk for pk, _user in lost]).update(to_mail=False)
    people = ", ".join(sorted({str(user) for _pk, user in lost}))
    detail = f"A worker ended while it mailed {len(lost)} notifications; they may not have gone out. Users: {people}"
    errors.record(kind="mail.lost", source="notifications", detail=detail)


def _message(person: User, rows: list[Notification]) -> EmailMessage:
    """One mail with a line for each, in this person's language and time."""
    school = School.current()
    language = person.language or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(known_zone(person.time_zone, school.time_zone)):
        context = {
            "person": person,
            "school": school,
            "count": len(rows),
            "first": rows[0].get_kind_display(),
            "lines": [
                (row.sentence, site_url(reverse("notification", args=[row.pk]))) for row in rows[:LINES_PER_MAIL]
            ],
            "more": max(0, len(rows) - LINES_PER_MAIL),
            "list_url": site_url(reverse("notification-list")),
            "settings_url": site_url(reverse("notification-settings")),
        }
        subject = " ".join(render_to_string("accounts/mail/notifications_subject.txt", context).split())
        return EmailMessage(subject, render_to_string("accounts/mail/notifications.txt", context), to=[person.email])


def _is_temporary(error: OSError) -> bool:
    """Whether the server said itself that it did not take the mail now and will later."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _words in error.recipients.values()]
    else:
        codes = [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []
    return bool(codes) and all(400 <= code < 500 for code in codes)
