"""Rubrics: what a conversation is scored by, and each rubric frozen as it was when it was used."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import SectionTeacher, User
from conversations.scores import WHOLE, CriterionValue, RubricValue, percent_text


class RubricQuerySet(models.QuerySet["Rubric"]):
    """Reads of rubrics."""

    def visible_to(self, user: User) -> "RubricQuerySet":
        """Admins see all; teachers their own, built-in ones, and those of colleagues in a section; students none."""
        if user.is_admin:
            return self.all()
        if not user.is_teacher:
            return self.none()
        return self.filter(models.Q(owner=user) | models.Q(owner=None) | models.Q(owner__in=colleagues_of(user)))

    def editable_by(self, user: User) -> "RubricQuerySet":
        """Those that this person may change: teachers their own, admins also those of others; no built-in ones."""
        written = self.exclude(owner=None)
        if user.is_admin:
            return written
        return written.filter(owner=user) if user.is_teacher else self.none()

    def current(self) -> "RubricQuerySet":
        """Rubrics that are not archived."""
        return self.filter(archived_at=None)

    def matching(self, text: str) -> "RubricQuerySet":
        """Those whose name, description or a criterion's name contains the text."""
        named = Criterion.objects.filter(name__icontains=text).values("rubric")
        return self.filter(
            models.Q(name__icontains=text) | models.Q(description__icontains=text) | models.Q(pk__in=named)
        )


def colleagues_of(teacher: User) -> models.QuerySet[SectionTeacher, Any]:
    """The keys of those who teach a current section together with this teacher."""
    sections = teacher.sections.filter(archived_at=None).values("pk")
    return SectionTeacher.objects.filter(section__in=sections).values("teacher")


class Rubric(models.Model):
    """Criteria whose weights sum to 1. Without an owner it is a built-in one, known by its slug."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        User, verbose_name=_("owner"), null=True, blank=True, on_delete=models.PROTECT, related_name="rubrics"
    )
    slug = models.SlugField(_("built-in name"), max_length=80, blank=True, editable=False)
    copied_from = models.ForeignKey("self", null=True, blank=True, editable=False, on_delete=models.SET_NULL)
    name = models.CharField(_("name"), max_length=120)
    description = models.TextField(_("what it is for"), max_length=1_000, blank=True)
    # Moves with every edit, so that a form that was opened before another edit is noticed when it is sent.
    revision = models.PositiveIntegerField(default=0, editable=False)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = RubricQuerySet.as_manager()

    class Meta:
        verbose_name = _("rubric")
        verbose_name_plural = _("rubrics")
        ordering = ["name", "id"]
        indexes = [models.Index(fields=["owner", "archived_at", "name"], name="rubric_by_owner")]
        constraints = [
            models.UniqueConstraint(fields=["slug"], condition=~models.Q(slug=""), name="one_built_in_rubric_per_slug"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_built_in(self) -> bool:
        """Whether this rubric came with the portal."""
        return self.owner_id is None

    def may_be_changed_by(self, user: User) -> bool:
        """Whether this person may change it: the same sentence as `editable_by`, without a query."""
        return not self.is_built_in and (user.is_admin or (user.is_teacher and self.owner_id == user.pk))

    def set_archived(self, archived: bool) -> None:
        """Out of use, or back; what was scored with it stays."""
        self.archived_at = timezone.now() if archived else None
        self.save(update_fields=["archived_at", "updated_at"])

    def value(self) -> RubricValue:
        """The rubric as a frozen value. One query, for the criteria."""
        criteria = tuple(criterion.value() for criterion in self.criteria.all())
        return RubricValue(self.name, self.description, criteria)


class Criterion(models.Model):
    """One thing to look at, with its weight and what each level means. A rubric's weights sum to 10,000."""

    rubric = models.ForeignKey(Rubric, on_delete=models.CASCADE, related_name="criteria")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(_("name"), max_length=120)
    weight = models.PositiveSmallIntegerField(_("weight in basis points"))
    excellent = models.TextField(_("excellent"), max_length=600)
    good = models.TextField(_("good"), max_length=600)
    satisfactory = models.TextField(_("satisfactory"), max_length=600)
    needs_improvement = models.TextField(_("needs improvement"), max_length=600)
    points: "models.JSONField[Any, Any]" = models.JSONField(_("evaluation points"), default=list, blank=True)

    class Meta:
        verbose_name = _("criterion")
        verbose_name_plural = _("criteria")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["rubric", "position"], name="one_criterion_per_position"),
            models.CheckConstraint(
                condition=models.Q(weight__gte=1, weight__lte=WHOLE), name="criterion_weight_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({percent_text(self.weight)} %)"

    def value(self) -> CriterionValue:
        """The criterion as a frozen value."""
        descriptions = (self.excellent, self.good, self.satisfactory, self.needs_improvement)
        return CriterionValue(self.name, self.weight, descriptions, tuple(self.points))


class RubricVersion(models.Model):
    """What a rubric was at one moment. Never changed; equal ones are shared."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rubric = models.ForeignKey(Rubric, verbose_name=_("rubric"), on_delete=models.PROTECT, related_name="versions")
    fingerprint = models.CharField(max_length=64, editable=False)
    data: "models.JSONField[Any, Any]" = models.JSONField(_("content"))
    created_at = models.DateTimeField(_("frozen"), auto_now_add=True)

    class Meta:
        verbose_name = _("rubric version")
        verbose_name_plural = _("rubric versions")
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["rubric", "fingerprint"], name="one_rubric_version_per_content")]

    def __str__(self) -> str:
        return f"{self.data['name']} {self.created_at:%Y-%m-%d}"

    @property
    def value(self) -> RubricValue:
        """The rubric as it was."""
        return RubricValue.from_json(self.data)

    @classmethod
    def freeze(cls, rubric: Rubric) -> "RubricVersion":
        """The version of this rubric as it is now: the one that exists if nothing changed, else a new one.

        The rubric is locked and read again, so that no version mixes two edits; call it in a transaction.
        """
        value = Rubric.objects.select_for_update().get(pk=rubric.pk).value()
        version, _created = cls.objects.get_or_create(
            rubric=rubric, fingerprint=value.fingerprint, defaults={"data": value.to_json()}
        )
        return version
