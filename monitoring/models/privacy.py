"""Privacy: how long what is kept, who was erased, and what somebody who may only read has read."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class RetentionRule(models.Model):
    """How long one kind of rows is kept. Which kinds there are, apps say when they start; without a row: for ever."""

    kind = models.CharField(_("what"), max_length=40, primary_key=True)
    days = models.PositiveIntegerField(
        _("days to keep"), null=True, blank=True, help_text=_("Empty: for ever. Counted from when it was finished.")
    )

    class Meta:
        verbose_name = _("retention rule")
        verbose_name_plural = _("retention rules")
        ordering = ["kind"]

    def __str__(self) -> str:
        return self.kind


class RetentionRun(models.Model):
    """What one run of the retention found, and what it deleted unless it was a trial: the record for an auditor."""

    started_at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("asked by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    is_trial = models.BooleanField(_("only counted"))
    # By kind: how many days it is kept, before when, how many rows were found and how many deleted.
    counts: "models.JSONField[Any, Any]" = models.JSONField(_("what came of it"), default=dict)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("retention run")
        verbose_name_plural = _("retention runs")
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"


class Erasure(models.Model):
    """That everything about one person was erased: whom only an id tells, by whom, and how many rows of what."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject_uuid = models.UUIDField(_("id of the person"), unique=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("erased by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    started_at = models.DateTimeField(_("asked for"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True)
    counts: "models.JSONField[Any, Any]" = models.JSONField(_("what was erased"), default=dict)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return str(self.subject_uuid)


class AdminReading(models.Model):
    """One look of somebody who may only read at a page of the admin."""

    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("who"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    read_at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)
    what = models.CharField(_("what"), max_length=100, help_text=_("The kind of rows, such as conversations.message."))
    row = models.CharField(_("which one"), max_length=64, blank=True, help_text=_("Empty: a list."))
    query = models.CharField(_("looked for"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("reading in the admin")
        verbose_name_plural = _("readings in the admin")
        ordering = ["-read_at"]

    def __str__(self) -> str:
        return f"{self.what} {self.row}"
