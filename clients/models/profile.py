"""Client profiles: whom students talk to, as a teacher writes them."""

import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import School, User
from clients import choices
from clients.models.opening import ClientOpening
from clients.snapshot import ClientSnapshot, Fact
from clients.vocabulary import MAX_TRAITS, MIN_TRAITS


def validate_traits(value: list[str]) -> None:
    """Two to five traits; raises ValidationError that names the limit."""
    if not MIN_TRAITS <= len(value) <= MAX_TRAITS:
        raise ValidationError(
            _("Choose between %(min)d and %(max)d traits."),
            params={"min": MIN_TRAITS, "max": MAX_TRAITS},
        )


class ClientProfileQuerySet(models.QuerySet["ClientProfile"]):
    """Reads of clients."""

    def visible_to(self, user: User) -> "ClientProfileQuerySet":
        """Whom this person may see.

        Admins see all. Teachers see their own, the built-in ones, those that colleagues share, and those opened to a
        section they teach. Students see whom they may start (`startable_by`), others nobody.
        """
        if user.is_admin:
            return self.all()
        if user.is_teacher:
            return self.filter(
                models.Q(owner=user)
                | models.Q(owner=None)
                | models.Q(visibility=ClientProfile.Visibility.SHARED)
                | models.Q(pk__in=ClientOpening.objects.current().in_sections_of(user).values("client"))
            )
        return self.startable_by(user) if user.is_student else self.none()

    def editable_by(self, user: User) -> "ClientProfileQuerySet":
        """Those that this person may change: teachers their own, admins also the built-in ones."""
        if user.is_admin:
            return self.all()
        return self.filter(owner=user) if user.is_teacher else self.none()

    def startable_by(self, user: User) -> "ClientProfileQuerySet":
        """Whom this person may start a conversation with now.

        Students: clients opened to their sections, and built-in ones if the school allows it; never archived ones.
        Teachers and admins: whomever they see, to test.
        """
        current = self.filter(archived_at=None)
        if not user.is_student:
            return current.visible_to(user)
        opened = models.Q(
            pk__in=ClientOpening.objects.current()
            .filter(section__archived_at=None, section__enrolments__student=user, section__enrolments__removed_at=None)
            .values("client")
        )
        if School.current().built_ins_allowed:
            opened |= models.Q(owner=None)
        return current.filter(opened)

    def matching(self, text: str) -> "ClientProfileQuerySet":
        """Those whose name, reason or scenario contains the text."""
        return self.filter(
            models.Q(name__icontains=text) | models.Q(reason__icontains=text) | models.Q(scenario__icontains=text)
        )


class ClientProfile(models.Model):
    """A simulated client. Without an owner it is a built-in one, known by its slug."""

    class Visibility(models.TextChoices):
        PRIVATE = "private", _("only me")
        SHARED = "shared", _("all teachers of the school")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        User, verbose_name=_("owner"), null=True, blank=True, on_delete=models.PROTECT, related_name="clients"
    )
    slug = models.SlugField(_("built-in name"), max_length=80, blank=True, editable=False)
    visibility = models.CharField(
        _("who may use it"), max_length=10, choices=Visibility.choices, default=Visibility.PRIVATE
    )
    copied_from = models.ForeignKey("self", null=True, blank=True, editable=False, on_delete=models.SET_NULL)

    name = models.CharField(_("name"), max_length=100)
    age = models.PositiveSmallIntegerField(_("age"), validators=[MinValueValidator(1), MaxValueValidator(120)])
    gender = models.CharField(_("gender"), max_length=60, blank=True)
    pronouns = models.CharField(_("pronouns"), max_length=40, blank=True)
    race = models.CharField(_("race or ethnicity"), max_length=80, blank=True)
    socioeconomic_status = models.CharField(
        _("socioeconomic status"), max_length=20, blank=True, choices=choices.SOCIOECONOMIC_STATUS
    )
    domain = models.CharField(_("field"), max_length=20, choices=choices.DOMAIN, default="social_work")
    issues: "models.JSONField[Any, Any]" = models.JSONField(_("issues"), default=list, blank=True)
    reason = models.CharField(_("why they come"), max_length=200, help_text=_("One line, shown on the card."))
    background = models.TextField(_("background story"), max_length=8_000)
    traits: "models.JSONField[Any, Any]" = models.JSONField(
        _("personality traits"), default=list, validators=[validate_traits]
    )
    communication_style = models.CharField(
        _("communication style"), max_length=20, choices=choices.COMMUNICATION_STYLE, default="brief"
    )
    scenario = models.TextField(
        _("scene"), max_length=1_000, help_text=_("Where and why you meet, in one or two lines.")
    )
    challenges = models.TextField(_("what makes it hard"), max_length=2_000, blank=True)
    language = models.CharField(
        _("language of the conversation"), max_length=10, choices=choices.LANGUAGE, default="en"
    )
    difficulty = models.CharField(_("difficulty"), max_length=12, choices=choices.DIFFICULTY, default="moderate")
    opening_line = models.CharField(_("opening line"), max_length=500, blank=True)
    client_speaks_first = models.BooleanField(_("the client speaks first"), default=False)
    content_note = models.CharField(
        _("content note"), max_length=300, blank=True, help_text=_("What a student should know before they begin.")
    )
    script: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True, editable=False)

    prompt_override = models.TextField(
        _("edited prompt"), max_length=20_000, blank=True, help_text=_("Empty: the prompt is written from the profile.")
    )
    model = models.CharField(_("model"), max_length=100, blank=True, help_text=_("Empty: the school's default."))

    # Moves with every edit, so that a form that was opened before another edit is noticed when it is sent.
    revision = models.PositiveIntegerField(default=0, editable=False)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = ClientProfileQuerySet.as_manager()

    class Meta:
        verbose_name = _("client")
        verbose_name_plural = _("clients")
        ordering = ["name", "id"]
        indexes = [models.Index(fields=["owner", "archived_at", "name"], name="client_by_owner")]
        constraints = [
            models.UniqueConstraint(fields=["slug"], condition=~models.Q(slug=""), name="one_built_in_per_slug"),
            models.CheckConstraint(condition=models.Q(age__gte=1, age__lte=120), name="client_age_is_human"),
            models.CheckConstraint(
                condition=models.Q(client_speaks_first=False) | ~models.Q(opening_line=""),
                name="client_that_speaks_first_has_a_line",
                violation_error_message=_("A client who speaks first needs an opening line."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_built_in(self) -> bool:
        """Whether this client came with the portal."""
        return self.owner_id is None

    @property
    def chosen_model(self) -> str:
        """The model that speaks for this client unless a conversation chooses another."""
        return self.model or settings.MODEL_DEFAULT

    def may_be_changed_by(self, user: User) -> bool:
        """Whether this person may change it: the same sentence as `editable_by`, without a query."""
        return user.is_admin or (user.is_teacher and self.owner_id == user.pk)

    def archive(self) -> None:
        """Take the client out of use; running conversations go on, nothing is deleted."""
        self.archived_at = timezone.now()
        self.save(update_fields=["archived_at", "updated_at"])

    def restore(self) -> None:
        """Bring an archived client back into use."""
        self.archived_at = None
        self.save(update_fields=["archived_at", "updated_at"])

    def snapshot(self) -> ClientSnapshot:
        """The client as a frozen value: what prompts and voices see. Two queries, for the facts and the rules."""
        plain = (
            "name", "age", "gender", "pronouns", "race", "socioeconomic_status", "domain", "background",
            "communication_style", "scenario", "reason", "challenges", "language", "difficulty", "opening_line",
            "client_speaks_first",
        )  # fmt: skip
        return ClientSnapshot(
            **{field: getattr(self, field) for field in plain},
            issues=tuple(self.issues),
            traits=tuple(self.traits),
            facts=tuple(fact.as_value() for fact in self.facts.all()),
            rules=tuple(rule.text for rule in self.rules.all()),
            script={act: tuple(lines) for act, lines in self.script.items()},
        )


class ClientFact(models.Model):
    """Something true about a client, told only once trust has been earned up to `unlock`."""

    class Depth(models.TextChoices):
        SURFACE = "surface", _("said easily")
        REAL = "real", _("said only with trust")

    client = models.ForeignKey(ClientProfile, on_delete=models.CASCADE, related_name="facts")
    position = models.PositiveSmallIntegerField(default=0)
    topic = models.CharField(_("topic"), max_length=80)
    depth = models.CharField(_("depth"), max_length=10, choices=Depth.choices, default=Depth.SURFACE)
    unlock = models.PositiveSmallIntegerField(
        _("trust needed"), default=0, validators=[MaxValueValidator(100)], help_text=_("0 to 100 percent.")
    )
    text = models.TextField(_("in the client's own words"), max_length=1_000)
    variants: "models.JSONField[Any, Any]" = models.JSONField(_("other wordings"), default=list, blank=True)
    keywords: "models.JSONField[Any, Any]" = models.JSONField(_("words that lead there"), default=list, blank=True)

    class Meta:
        verbose_name = _("fact")
        verbose_name_plural = _("facts")
        ordering = ["position", "id"]
        constraints = [models.CheckConstraint(condition=models.Q(unlock__lte=100), name="fact_unlock_is_percent")]

    def __str__(self) -> str:
        return self.topic

    def as_value(self) -> Fact:
        """The fact as a frozen value."""
        return Fact(
            topic=self.topic,
            depth=self.depth,
            unlock=self.unlock,
            lines=(self.text, *self.variants),
            keywords=tuple(self.keywords),
        )
