"""Jobs: work that goes on after the page has answered, what it could not do, and its files."""

import datetime as dt
import uuid
from typing import Any, Protocol

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Person(Protocol):
    """Somebody who asks for work or looks at it."""

    @property
    def pk(self) -> Any: ...
    def has_perm(self, perm: str, /) -> bool: ...


class JobQuerySet(models.QuerySet["Job"]):
    """Reads of jobs, and the one way by which their state moves."""

    def visible_to(self, user: Person) -> "JobQuerySet":
        """Who may change jobs sees all on their pages, with the buttons; others what they asked for.

        Who may only look at jobs does so in the admin, where looking is written down.
        """
        return self.all() if user.has_perm("monitoring.change_job") else self.filter(owner_id=user.pk)

    def move(self, to: "Job.State", **fields: Any) -> int:
        """Move those of these jobs whose state may become `to`, with these fields; how many moved."""
        sources = [state for state, following in Job.NEXT.items() if to in following]
        return self.filter(state__in=sources).update(state=to, **fields)

    def held(self, job: "Job") -> "JobQuerySet":
        """The job, if nobody took it over since this claim; what every write of a worker filters by."""
        return self.filter(pk=job.pk, fence=job.fence, state__in=[Job.State.RUNNING, Job.State.PAUSED])

    def stale(self) -> "JobQuerySet":
        """Jobs that should go on and that no worker has touched for JOB_DEAD_SECONDS."""
        long_ago = timezone.now() - dt.timedelta(seconds=settings.JOB_DEAD_SECONDS)
        return self.filter(state__in=[Job.State.PENDING, Job.State.RUNNING], beat_at__lt=long_ago)


class Job(models.Model):
    """Work in small steps by a worker.

    pending → running → completed | completed_with_failures | failed | cancelled, with paused → pending in between
    """

    class State(models.TextChoices):
        PENDING = "pending", _("waiting to start")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        COMPLETED = "completed", _("completed")
        COMPLETED_WITH_FAILURES = "completed_with_failures", _("completed with failures")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    _ENDS = frozenset({State.COMPLETED, State.COMPLETED_WITH_FAILURES, State.FAILED, State.CANCELLED})
    # A step that runs while its job is paused is finished, and may be the last. Running to running is a new claim.
    NEXT: dict[State, frozenset[State]] = {
        State.PENDING: frozenset({State.RUNNING, State.PAUSED, State.CANCELLED}),
        State.RUNNING: frozenset({State.RUNNING, State.PAUSED}) | _ENDS,
        State.PAUSED: frozenset({State.PENDING}) | _ENDS,
        State.COMPLETED: frozenset(),
        State.COMPLETED_WITH_FAILURES: frozenset(),
        State.FAILED: frozenset(),
        State.CANCELLED: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=40, help_text=_("Such as roster.import."))
    label = models.CharField(_("what"), max_length=200)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("asked for by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # What the steps say about rows is said in the language of whoever asked.
    language = models.CharField(_("language"), max_length=10)
    state = models.CharField(_("state"), max_length=24, choices=State.choices, default=State.PENDING)
    input: "models.JSONField[Any, Any]" = models.JSONField(_("asked for"), default=dict)
    # Where the next step begins, in the words of its kind; after the last one what came of it all.
    checkpoint: "models.JSONField[Any, Any]" = models.JSONField(_("checkpoint"), default=dict)
    total = models.PositiveIntegerField(_("in all"), null=True, help_text=_("Empty: not known yet."))
    done = models.PositiveIntegerField(_("done"), default=0, help_text=_("Those that failed included."))
    failed = models.PositiveIntegerField(_("failed"), default=0)
    worked_ms = models.PositiveBigIntegerField(_("time worked in ms"), default=0)
    error = models.CharField(_("why it failed"), max_length=500, blank=True)
    # A claim raises the fence; a task carries the fence that it may claim at, so that a second one is worth nothing.
    fence = models.PositiveIntegerField(default=0, editable=False)
    worker = models.CharField(_("worker"), max_length=200, blank=True, help_text=_("Machine and process number."))
    attempts = models.PositiveSmallIntegerField(_("attempts at this step"), default=0)
    beat_at = models.DateTimeField(_("last beat"), default=timezone.now)
    created_at = models.DateTimeField(_("asked for at"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["beat_at"], condition=models.Q(state__in=["pending", "running"]), name="job_to_go_on"),
            models.Index(fields=["owner", "-created_at"], name="job_of_owner"),
            models.Index(fields=["-created_at"], name="job_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    state__in=["completed", "completed_with_failures", "failed", "cancelled"], finished_at__isnull=False
                )
                | models.Q(state__in=["pending", "running", "paused"], finished_at__isnull=True),
                name="job_ends_at_a_time",
            ),
            models.CheckConstraint(condition=models.Q(failed__lte=models.F("done")), name="job_failed_within_done"),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.get_state_display()})"

    def get_absolute_url(self) -> str:
        """Its page."""
        return reverse("job", args=[self.pk])

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will happen."""
        return not self.NEXT[self.State(self.state)]

    @property
    def is_waited_for(self) -> bool:
        """Whether a worker has it or will take it by itself."""
        return self.state in {self.State.PENDING, self.State.RUNNING}

    @property
    def waits_for(self) -> str:
        """What the next step waits for, for people; "" where it waits for nothing, or does not say."""
        return str(self.checkpoint.get("waits_for", "")) if self.is_waited_for else ""

    @property
    def percent(self) -> int | None:
        """How much of it is done, 0 to 100; None as long as nobody knows how much there is."""
        if self.state in {self.State.COMPLETED, self.State.COMPLETED_WITH_FAILURES}:
            return 100
        return min(100, self.done * 100 // self.total) if self.total else None

    @property
    def rate(self) -> float | None:
        """Rows a second while it was worked on, pauses left out; None before the first."""
        return self.done * 1_000 / self.worked_ms if self.done and self.worked_ms else None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at the rate so far; None where that cannot be told."""
        if not self.is_waited_for or not self.rate or self.total is None:
            return None
        return max(0, self.total - self.done) / self.rate


class JobProblem(models.Model):
    """One thing that a job could not do, in words for whoever asked for it."""

    job = models.ForeignKey(Job, verbose_name=_("job"), on_delete=models.CASCADE, related_name="problems")
    row = models.PositiveIntegerField(_("row"), null=True, help_text=_("Empty: not about one row."))
    field = models.CharField(_("field"), max_length=100, blank=True)
    message = models.CharField(_("what is wrong"), max_length=500)

    class Meta:
        verbose_name = _("problem of a job")
        verbose_name_plural = _("problems of jobs")
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.message


def private_name(_file: "JobFile", _name: str) -> str:
    """Where a file lies: under a random name that tells nothing, and without the ending it came with."""
    return f"jobs/{uuid.uuid4()}"


class JobFile(models.Model):
    """A file that a job was given or made; only a page that asks who is asking hands it out."""

    class Purpose(models.TextChoices):
        INPUT = "input", _("handed in")
        PART = "part", _("in the making")
        OUTPUT = "output", _("made")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, verbose_name=_("job"), on_delete=models.CASCADE, related_name="files")
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose.choices)
    name = models.CharField(_("name"), max_length=200, help_text=_("The one that people see."))
    content = models.FileField(_("content"), upload_to=private_name)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    created_at = models.DateTimeField(_("kept since"), default=timezone.now)

    class Meta:
        verbose_name = _("file of a job")
        verbose_name_plural = _("files of jobs")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["job", "purpose", "name"], name="one_job_file_per_name")]

    def __str__(self) -> str:
        return self.name
