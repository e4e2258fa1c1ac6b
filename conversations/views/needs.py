"""Who needs a teacher today: the groups at the top of their home, each with its first few rows."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Window
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Section, User
from conversations import progress, wall
from conversations.assignments import finished
from conversations.models import Assignment, Attempt, Flag, Message, SafetyAlert, Session, Turn

FEW = 4


@dataclass(frozen=True, slots=True)
class Need:
    """One row: who, what, since when (or until when) in words and exactly, and the one thing to do about it."""

    who: str
    what: str
    time: str
    when: dt.datetime
    href: str
    action: str


@dataclass(frozen=True, slots=True)
class Group:
    """Needs of one kind: the first few of `total`, and the page that has all of them, if need be in other words."""

    key: str
    title: str
    rows: Sequence[Need]
    total: int
    href: str
    all: str = ""


def needs_of(user: User, sections: Mapping[uuid.UUID, Section], now: dt.datetime) -> list[Group]:
    """What waits in these sections, most urgent first; kinds of which there is nothing are left out. Six queries."""
    groups = [
        _may_need_help(sections, now),
        _stuck(sections, now),
        _flagged(user, sections, now),
        _to_grade(sections, now),
        _due(sections, now),
        _overdue(sections, now),
    ]
    return [group for group in groups if group.total]


def _may_need_help(sections: Mapping[uuid.UUID, Section], now: dt.datetime) -> Group:
    """Students who wrote of their own distress, and nobody has acknowledged it: the most serious first, then oldest."""
    waiting = SafetyAlert.objects.waiting().filter(session__section__in=list(sections))
    found = (
        waiting.select_related("session__student")
        .only("tier", "raised_at", "session__section_id", "session__student__display_name")
        .order_by("-tier", "raised_at", "id")
    )
    rows, total = _few(found)
    shown = [
        Need(
            who=alert.session.student.display_name,
            what=_("%(how)s, in %(section)s: something they wrote was about themself.")
            % {"how": capfirst(alert.get_tier_display()), "section": sections[alert.session.section_id]},
            time=_("%(time)s ago") % {"time": _length(alert.raised_at, now)},
            when=alert.raised_at,
            href=reverse("safety-alert", args=[alert.pk]),
            action=_("Read the alert"),
        )
        for alert in rows
    ]
    return Group("safety", _("May need help"), shown, total, reverse("safety-list"))


def _stuck(sections: Mapping[uuid.UUID, Section], now: dt.datetime) -> Group:
    """The conversations that the wall calls stuck, those first in which nothing was said for longest."""
    active = Session.objects.filter(
        section__in=list(sections),
        kind=Session.Kind.PRACTICE,
        client__isnull=False,
        status=Session.Status.ACTIVE,
        last_activity_at__gt=now - wall.IDLE_AFTER,
    )
    last = Message.objects.filter(session=OuterRef("pk"), sequence=OuterRef("last_sequence"))
    found = (
        active.annotate(
            unanswered=Exists(last.filter(status__in=wall.UNANSWERED)),
            answering=Exists(Turn.objects.running().filter(session=OuterRef("pk"))),
        )
        .filter(Q(last_activity_at__lte=now - wall.STUCK_AFTER) | Q(unanswered=True, answering=False))
        .select_related("student", "client")
        .only("section_id", "last_activity_at", "student__display_name", "client__name")
        .order_by("last_activity_at", "id")
    )
    rows, total = _few(found)
    shown = [
        Need(
            who=row.student.display_name,
            what=(
                _("With %(client)s in %(section)s: the last reply failed.")
                if row.unanswered and not row.answering
                else _("With %(client)s in %(section)s: nothing has been said for a while.")
            )
            % {"client": row.client.name, "section": sections[row.section_id]},
            time=_("Quiet for %(time)s") % {"time": _length(row.last_activity_at, now)},
            when=row.last_activity_at,
            href=reverse("session", args=[row.pk]),
            action=_("Look in"),
        )
        for row in rows
    ]
    # Each section has a wall of its own; whoever teaches several finds them beside their names.
    href = reverse("wall", args=list(sections)) if len(sections) == 1 else "#sections"
    return Group("stuck", _("Stuck now"), shown, total, href)


def _flagged(user: User, sections: Mapping[uuid.UUID, Section], now: dt.datetime) -> Group:
    """Replies that somebody else found wrong and nobody has dealt with, oldest first.

    Who flags one's own client elsewhere stays unnamed, as on the list of flags.
    """
    open_flags = Flag.objects.visible_to(user).open().exclude(raised_by=user)
    found = (
        open_flags.select_related("raised_by", "message__session__client")
        .only(
            "reason",
            "raised_at",
            "raised_by__display_name",
            "message__session__section_id",
            "message__session__client__name",
        )
        .order_by("raised_at", "id")
    )
    rows, total = _few(found)
    shown = [
        Need(
            who=flag.raised_by.display_name
            if flag.message.session.section_id in sections
            else _("Someone else’s student"),
            what=_("%(reason)s: a reply of %(client)s.")
            % {"reason": flag.get_reason_display(), "client": flag.message.session.client},
            time=_("%(time)s ago") % {"time": _length(flag.raised_at, now)},
            when=flag.raised_at,
            href=reverse("flag", args=[flag.pk]),
            action=_("Read"),
        )
        for flag in rows
    ]
    return Group("flagged", _("Flagged replies"), shown, total, reverse("flag-list"))


def _to_grade(sections: Mapping[uuid.UUID, Section], now: dt.datetime) -> Group:
    """Finished attempts at graded work, with a rubric, whose scoring the student cannot see yet; oldest first."""
    graded = Attempt.objects.filter(
        assignment__section__in=list(sections),
        assignment__grading=Assignment.Grading.GRADED,
        assignment__archived_at=None,
        rubric_version__isnull=False,
        session__scoring__released=None,
    )
    found = (
        finished(graded)
        .select_related("student", "assignment", "task__client", "session")
        .only(
            "student__display_name",
            "assignment__title",
            "assignment__section_id",
            "task__client__name",
            "session__ended_at",
            "session__last_activity_at",
        )
        .order_by("session__ended_at", "pk")
    )
    rows, total = _few(found)
    return Group(
        "to-grade",
        _("To grade"),
        [
            Need(
                who=attempt.student.display_name,
                what=_("“%(assignment)s” with %(client)s in %(section)s.")
                % {
                    "assignment": attempt.assignment,
                    "client": attempt.task.client,
                    "section": sections[attempt.assignment.section_id],
                },
                time=_("Finished %(time)s ago") % {"time": _length(attempt.finished_at, now)},
                when=attempt.finished_at,
                href=reverse("scoring", args=[attempt.session_id]),
                action=_("Score"),
            )
            for attempt in rows
        ],
        total,
        f"{reverse('session-list')}?{urlencode({'status': 'completed', 'scoring': 'none'})}",
        _("All without a scoring"),
    )


def _due(sections: Mapping[uuid.UUID, Any], now: dt.datetime) -> Group:
    """Assignments that are due today or tomorrow and not finished by everybody, the next first."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    found = progress.waiting_until(list(sections), now, midnight + dt.timedelta(days=2))
    rows = [
        Need(
            who=one.title,
            what=_("%(finished)d of %(students)d in %(section)s have finished.")
            % {
                "finished": sections[one.section].students - one.students,
                "students": sections[one.section].students,
                "section": sections[one.section],
            },
            time=_("Due %(moment)s") % {"moment": _moment(one.due_at)},
            when=one.due_at,
            href=reverse("assignment-detail", args=[one.assignment]),
            action=_("Open"),
        )
        for one in found[:FEW]
    ]
    return Group("due", _("Due today or tomorrow"), rows, len(found), reverse("assignment-list"))


def _overdue(sections: Mapping[uuid.UUID, Section], now: dt.datetime) -> Group:
    """Students who have not finished in time, those with most first."""
    found = progress.most_late(list(sections), now, FEW)
    rows = [
        Need(
            who=late.name,
            what=ngettext(
                "%(number)d assignment in %(section)s is not finished.",
                "%(number)d assignments in %(section)s are not finished.",
                late.overdue,
            )
            % {"number": late.overdue, "section": sections[late.section]},
            time=_("Overdue for %(time)s") % {"time": _length(late.due_at, now)},
            when=late.due_at,
            href=reverse("student-progress", args=[late.section, late.student]),
            action=_("See progress"),
        )
        for late in found
    ]
    return Group("overdue", _("Overdue"), rows, found[0].total if found else 0, reverse("teaching-progress"))


def _few(found: QuerySet[Any]) -> tuple[list[Any], int]:
    """The first few rows and the number of all, in one query."""
    rows = list(found.annotate(total=Window(Count("pk")))[:FEW])
    return rows, rows[0].total if rows else 0


def _length(since: dt.datetime, now: dt.datetime) -> str:
    """How long that is, in its greatest unit."""
    return timesince(since, now, depth=1)


def _moment(moment: dt.datetime) -> str:
    return formats.date_format(timezone.localtime(moment), "DATETIME_FORMAT")
