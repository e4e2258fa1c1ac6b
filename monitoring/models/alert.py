"""Alerts and errors: what operators must know, and what went wrong."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Severity(models.TextChoices):
    """How bad it is."""

    WARNING = "warning", _("warning")
    ERROR = "error", _("error")
    CRITICAL = "critical", _("critical")


class Alert(models.Model):
    """Something operators must know, told once: `key` names the occasion."""

    class Kind(models.TextChoices):
        BUDGET = "budget", _("budget")
        BREAKER = "breaker", _("provider does not answer")
        ERRORS = "errors", _("many errors")
        WORKER = "worker", _("no worker, or no schedule")
        HEALTH = "health", _("something does not answer")
        SLOW = "slow", _("slow replies")
        STUCK = "stuck", _("replies that do not end")
        BOOKS = "books", _("the books do not agree")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=200, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    severity = models.CharField(_("severity"), max_length=10, choices=Severity.choices)
    text = models.TextField(_("what happened"))
    created_at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)
    mailed_at = models.DateTimeField(_("mailed"), null=True, editable=False)
    acknowledged_at = models.DateTimeField(_("seen to"), null=True, editable=False)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("seen to by"),
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.text


class ErrorEntry(models.Model):
    """One thing that went wrong, with the detail that operators need and students never see."""

    at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)
    severity = models.CharField(_("severity"), max_length=10, choices=Severity.choices, default=Severity.ERROR)
    kind = models.CharField(_("kind"), max_length=40, help_text=_("Such as provider.overloaded."))
    source = models.CharField(_("where"), max_length=200, blank=True)
    detail = models.TextField(_("detail"), blank=True)
    session_uuid = models.UUIDField(_("session"), null=True, blank=True)

    class Meta:
        verbose_name = _("error")
        verbose_name_plural = _("errors")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["kind", "at"], name="error_kind_at")]

    def __str__(self) -> str:
        return f"{self.kind} {self.source}"


class ErrorKind(models.Model):
    """That somebody has seen to the errors of one kind; one that comes after that makes the kind open again."""

    kind = models.CharField(_("kind"), max_length=40, primary_key=True)
    acknowledged_at = models.DateTimeField(_("seen to"), default=timezone.now)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("seen to by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("kind of error that was seen to")
        verbose_name_plural = _("kinds of errors that were seen to")
        ordering = ["kind"]

    def __str__(self) -> str:
        return self.kind
