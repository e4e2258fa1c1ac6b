"""Notifications: what a person should know, in the portal and by mail, each kind switchable."""

import datetime as dt
import uuid
from collections import defaultdict
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models.user import User


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Reads of notifications."""

    def visible_to(self, user: User) -> "NotificationQuerySet":
        """One's own, whatever one's role."""
        return self.filter(user=user)

    def shown_to(self, user: User) -> "NotificationQuerySet":
        """What stands in this person's list in the portal."""
        return self.filter(user=user, shown=True)

    def unread(self) -> "NotificationQuerySet":
        """What was not opened yet."""
        return self.filter(read_at=None)

    def waiting_for_mail(self, since: dt.datetime) -> "NotificationQuerySet":
        """What nobody mailed yet and nobody has read meanwhile, told since then."""
        return self.filter(to_mail=True, mailed_at=None, read_at=None, created_at__gte=since)


class Notification(models.Model):
    """One thing that one person should know. It is put into words in the reader's language when it is shown."""

    class Kind(models.TextChoices):
        PUBLISHED = "published", _("An assignment is published")
        DUE_SOON = "due_soon", _("An assignment is due tomorrow")
        RELEASED = "released", _("Feedback is released")
        COMMENTED = "commented", _("A teacher commented")
        REFLECT = "reflect", _("A conversation waits for your look back")
        BUDGET = "budget", _("Your budget is nearly used up")
        FLAGGED = "flagged", _("A reply is flagged")
        SAFETY = "safety", _("A student may need help")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, verbose_name=_("for"), on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(_("kind"), max_length=15, choices=Kind.choices)
    # What it is about, such as the assignment's key: the same thing is told once.
    about = models.CharField(max_length=80)
    # Names to put into its sentence, and the path it leads to.
    names: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    path = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(_("told"), default=timezone.now)
    # Whether it stands in the portal's list, as the person wished when it was told.
    shown = models.BooleanField(default=True)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    # Whether it is still to be mailed. Who sends it claims it by `mailed_at`, and clears this once it is sent or lost.
    to_mail = models.BooleanField(default=False)
    mailed_at = models.DateTimeField(_("mailed"), null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="notification_by_user"),
            models.Index(
                fields=["user"],
                condition=models.Q(read_at=None, shown=True),
                name="notification_unread",
            ),
            models.Index(
                fields=["created_at"],
                condition=models.Q(to_mail=True),
                name="notification_unmailed",
            ),
            # They go with their conversation, whoever they are for; there are few of them.
            models.Index(
                fields=["path"],
                condition=models.Q(kind__in=["safety", "flagged"]),
                name="notification_of_flags",
            ),
        ]
        constraints = [models.UniqueConstraint(fields=["user", "kind", "about"], name="told_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.user}"

    @property
    def sentence(self) -> str:
        """What happened, in the language and the time zone that are active."""
        names: defaultdict[str, str] = defaultdict(lambda: "–", self.names)
        if "due" in self.names:
            due = timezone.localtime(dt.datetime.fromisoformat(self.names["due"]))
            names["due"] = date_format(due, "DATETIME_FORMAT")
        if "from" in self.names:
            names["span"] = _span(self.names["period"], dt.date.fromisoformat(self.names["from"]))
        used_up = self.kind == self.Kind.BUDGET and names["percent"] == "100"
        return str(_USED_UP if used_up else _SENTENCES[self.Kind(self.kind)]) % names


def _span(period: str, start: dt.date) -> str:
    """The day, month or term from that day on, by its date: it may be read when another one has begun."""
    if period == "term":
        return _("the term from %(date)s on") % {"date": date_format(start)}
    return date_format(start, "YEAR_MONTH_FORMAT" if period == "month" else "DATE_FORMAT")


# What was said in a conversation never stands in one of them: they are mailed.
_SENTENCES = {
    Notification.Kind.PUBLISHED: _("New work for %(section)s: “%(assignment)s”"),
    Notification.Kind.DUE_SOON: _("“%(assignment)s” is due %(due)s"),
    Notification.Kind.RELEASED: _("Feedback on your conversation with %(client)s is released"),
    Notification.Kind.COMMENTED: _("%(teacher)s commented on your conversation with %(client)s"),
    Notification.Kind.REFLECT: _("“%(assignment)s” waits for your look back: it takes two minutes"),
    Notification.Kind.BUDGET: _("%(percent)s%% of your budget for %(span)s is used"),
    Notification.Kind.FLAGGED: _("A reply of %(client)s was flagged"),
    Notification.Kind.SAFETY: _("%(student)s may need help: something they wrote was about themself"),
}
_USED_UP = _("Your budget for %(span)s is used up")


class NotificationChoice(models.Model):
    """What a person wishes for one kind; without a row, both."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notification_choices")
    kind = models.CharField(_("kind"), max_length=15, choices=Notification.Kind.choices)
    in_portal = models.BooleanField(_("in the portal"), default=True)
    by_mail = models.BooleanField(_("by mail"), default=True)

    class Meta:
        verbose_name = _("choice of notifications")
        verbose_name_plural = _("choices of notifications")
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="one_choice_per_kind")]

    def __str__(self) -> str:
        return f"{self.user} · {self.kind}"
