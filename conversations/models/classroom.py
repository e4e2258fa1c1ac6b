"""What teachers and students leave beside a conversation: nudges, margin notes, flags, feedback, and who read it."""

import uuid
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from clients.models import ClientProfile
from conversations.models.message import Message
from conversations.models.session import Session


class NudgeQuerySet(models.QuerySet["Nudge"]):
    """Reads of nudges."""

    def unshown(self) -> "NudgeQuerySet":
        """Those that no page of the student has shown yet, oldest first, with who sent them."""
        return self.filter(shown_at=None).select_related("sent_by").order_by("sent_at")


class Nudge(models.Model):
    """A private word from a teacher to the student of a running session; shown, and never part of what is said."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(Session, verbose_name=_("session"), on_delete=models.CASCADE, related_name="nudges")
    sent_by = models.ForeignKey(User, verbose_name=_("sent by"), on_delete=models.PROTECT, related_name="+")
    text = models.CharField(_("text"), max_length=500)
    sent_at = models.DateTimeField(_("sent"), default=timezone.now)
    # When a page of the student took it; empty until then.
    shown_at = models.DateTimeField(_("shown"), null=True, blank=True)

    objects = NudgeQuerySet.as_manager()

    class Meta:
        verbose_name = _("nudge")
        verbose_name_plural = _("nudges")
        ordering = ["sent_at"]

    def __str__(self) -> str:
        return f"{self.sent_by} {self.sent_at:%Y-%m-%d %H:%M}"


class MarginNoteQuerySet(models.QuerySet["MarginNote"]):
    """Reads of notes in the margin."""

    def visible_to(self, user: User) -> "MarginNoteQuerySet":
        """Who looks after students sees all notes of conversations that they see, others those shared with them."""
        if not user.looks_after_students:
            return self.filter(shared=True, message__session__student=user)
        return self.filter(message__session__in=Session.objects.visible_to(user).order_by())

    def editable_by(self, user: User) -> "MarginNoteQuerySet":
        """One's own, in conversations that one still looks after."""
        return self.filter(author=user, message__session__in=Session.objects.supervised_by(user).order_by())


class MarginNote(models.Model):
    """A teacher's note beside one message, for teachers alone or shared with the student."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(Message, verbose_name=_("message"), on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(User, verbose_name=_("written by"), on_delete=models.PROTECT, related_name="+")
    text = models.TextField(_("text"), max_length=2_000)
    shared = models.BooleanField(_("the student sees it"), default=False)
    written_at = models.DateTimeField(_("written"), default=timezone.now)

    objects = MarginNoteQuerySet.as_manager()

    class Meta:
        verbose_name = _("margin note")
        verbose_name_plural = _("margin notes")
        ordering = ["written_at"]

    def __str__(self) -> str:
        return f"{self.author} {self.written_at:%Y-%m-%d %H:%M}"


class FlagQuerySet(models.QuerySet["Flag"]):
    """Reads of flags."""

    def visible_to(self, user: User) -> "FlagQuerySet":
        """Admins see all, teachers those raised in their sections and on their own clients, students their own."""
        if user.is_admin:
            return self.all()
        if user.is_teacher:
            taught = models.Q(message__session__section__in=user.sections.values("pk"))
            return self.filter(taught | models.Q(message__session__client__owner=user) | models.Q(raised_by=user))
        return self.filter(raised_by=user)

    def open(self) -> "FlagQuerySet":
        """Flags that nobody has dealt with."""
        return self.filter(settled_at=None)


class Flag(models.Model):
    """Somebody found one reply wrong: out of character, inappropriate, hurtful, mistaken."""

    class Reason(models.TextChoices):
        CHARACTER = "character", _("Out of character")
        INAPPROPRIATE = "inappropriate", _("Inappropriate")
        HURTFUL = "hurtful", _("It upset me")
        WRONG = "wrong", _("Makes no sense")
        OTHER = "other", _("Something else")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(Message, verbose_name=_("message"), on_delete=models.CASCADE, related_name="flags")
    raised_by = models.ForeignKey(User, verbose_name=_("raised by"), on_delete=models.PROTECT, related_name="flags")
    reason = models.CharField(_("reason"), max_length=15, choices=Reason.choices)
    comment = models.TextField(_("in your words"), max_length=1_000, blank=True)
    raised_at = models.DateTimeField(_("raised"), default=timezone.now)
    settled_by = models.ForeignKey(
        User, verbose_name=_("dealt with by"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    settled_at = models.DateTimeField(_("dealt with"), null=True, blank=True)
    answer = models.CharField(_("what was done"), max_length=500, blank=True)

    objects = FlagQuerySet.as_manager()

    class Meta:
        verbose_name = _("flag")
        verbose_name_plural = _("flags")
        ordering = ["-raised_at", "id"]
        indexes = [models.Index(fields=["-raised_at"], condition=models.Q(settled_at=None), name="flag_open")]
        constraints = [models.UniqueConstraint(fields=["message", "raised_by"], name="one_flag_per_person")]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} {self.raised_at:%Y-%m-%d %H:%M}"


def _out_of_ten(label: Any) -> models.PositiveSmallIntegerField:
    return models.PositiveSmallIntegerField(label, validators=[MinValueValidator(1), MaxValueValidator(10)])


class SessionFeedback(models.Model):
    """What the person who talked thought of the conversation: marks of ten and their own words. Once a session."""

    ABOUT_THE_CLIENT = ("in_character", "appropriate", "relevant", "flow", "boundaries")
    MARKS = (*ABOUT_THE_CLIENT, "ease_of_use", "learning_value")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.OneToOneField(
        Session, verbose_name=_("session"), on_delete=models.CASCADE, related_name="feedback_form"
    )
    # The session's own, here once more: sums over a client's feedback are made by it alone.
    client = models.ForeignKey(
        ClientProfile, verbose_name=_("client"), on_delete=models.PROTECT, related_name="feedback", editable=False,
        db_index=False,
    )  # fmt: skip
    in_character = _out_of_ten(_("stayed in character"))
    appropriate = _out_of_ten(_("was appropriate"))
    relevant = _out_of_ten(_("answered what was said"))
    flow = _out_of_ten(_("flowed like a real talk"))
    boundaries = _out_of_ten(_("kept boundaries"))
    ease_of_use = _out_of_ten(_("ease of use"))
    learning_value = _out_of_ten(_("learning value"))
    comment = models.TextField(_("anything else"), max_length=2_000, blank=True)
    # The sum of the five marks about the client, 5 to 50: what best and worst are ordered by.
    client_sum = models.PositiveSmallIntegerField(editable=False)
    given_at = models.DateTimeField(_("given"), default=timezone.now)

    class Meta:
        verbose_name = _("feedback on a session")
        verbose_name_plural = _("feedback on sessions")
        ordering = ["-given_at", "id"]
        indexes = [
            models.Index(fields=["client", "-given_at"], condition=~models.Q(comment=""), name="feedback_comments"),
            models.Index(fields=["client", "client_sum"], name="feedback_by_mark"),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} {self.client_sum}/50"

    @classmethod
    def question(cls, name: str) -> Any:
        """One of MARKS in words, as text that is translated where it is shown."""
        return capfirst(cls._meta.get_field(name).verbose_name)  # type: ignore[union-attr]

    @property
    def mean(self) -> float:
        """The mean of the five marks about the client, 1 to 10."""
        return self.client_sum / len(self.ABOUT_THE_CLIENT)


class TranscriptReading(models.Model):
    """That somebody other than the student read a transcript, and how. Only ever added to."""

    class How(models.TextChoices):
        TRANSCRIPT = "transcript", _("transcript")
        LIVE = "live", _("followed live")
        SCORING = "scoring", _("scoring")
        EXPORT = "export", _("export")
        SEARCH = "search", _("excerpt in a search")
        FLAG = "flag", _("flagged reply")
        SAFETY = "safety", _("safety alert")
        ADMIN = "admin", _("administration")

    reader = models.ForeignKey(User, verbose_name=_("reader"), on_delete=models.PROTECT, related_name="readings")
    session = models.ForeignKey(Session, verbose_name=_("session"), on_delete=models.PROTECT, related_name="readings")
    how = models.CharField(_("how"), max_length=10, choices=How.choices)
    read_at = models.DateTimeField(_("read"), default=timezone.now)

    class Meta:
        verbose_name = _("reading of a transcript")
        verbose_name_plural = _("readings of transcripts")
        ordering = ["-read_at", "-id"]
        indexes = [
            models.Index(fields=["session", "-read_at"], name="reading_by_session"),
            models.Index(fields=["reader", "-read_at"], name="reading_by_reader"),
            models.Index(fields=["-read_at", "-id"], name="reading_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.reader} {self.how} {self.read_at:%Y-%m-%d %H:%M}"
