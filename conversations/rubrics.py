"""What people do with rubrics: write, copy, archive, delete; and score a session by one, release it, withdraw it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, ProtectedError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Notification, User
from accounts.services import RuleBrokenError
from accounts.services.notifications import tell
from conversations.counterparts import counterpart_of
from conversations.models import (
    Criterion,
    Evaluation,
    EvaluationClaim,
    Mark,
    Rubric,
    RubricVersion,
    Scoring,
    ScoringRevision,
    Session,
)
from conversations.rubrics_builtin import load_rubrics
from conversations.scores import RubricValue, total


class RubricRuleError(RuleBrokenError):
    """A rule of rubrics or scorings was broken; the message says which in plain words."""


class NotYoursError(RubricRuleError):
    """The person may not do this with the rubric or the session."""


class InUseError(RubricRuleError):
    """The rubric has been used and cannot be deleted."""


class StaleEditError(RubricRuleError):
    """Somebody else saved after this page was opened."""


class IncompleteError(RubricRuleError):
    """A scoring cannot be released as it is."""


@dataclass(frozen=True, slots=True)
class MarkValue:
    """The level (4 to 1, None while undecided) and the comment for one criterion."""

    level: int | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class BuiltInChanges:
    """What loading the built-in rubrics did, in numbers of rubrics."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    archived: int = 0


@transaction.atomic
def create_rubric(*, by: User, value: RubricValue) -> Rubric:
    """A new rubric of this teacher. Raises NotYoursError for who looks after no students."""
    if not by.looks_after_students:
        raise NotYoursError(_("Only teachers write rubrics."))
    rubric = Rubric.objects.create(owner=by, name=value.name, description=value.description)
    _write_criteria(rubric, value)
    return rubric


@transaction.atomic
def edit_rubric(*, by: User, rubric: Rubric, value: RubricValue, revision: int) -> Rubric:
    """Write the rubric anew; what was scored with it keeps what it was scored with.

    `revision` is the one that the person has read. Raises NotYoursError, or StaleEditError when it has moved.
    """
    locked = _changeable(by, rubric)
    if locked.revision != revision:
        raise StaleEditError(
            _(
                "Someone changed this rubric after you opened this page, so nothing was saved yet. What you wrote is "
                "still here. Look at the rubric in another tab, then save again to replace the other changes."
            )
        )
    if locked.value() != value:
        _rewrite(locked, value)
    return locked


@transaction.atomic
def copy_rubric(*, by: User, rubric: Rubric) -> Rubric:
    """A copy of any rubric that this person sees, their own to change. Raises NotYoursError."""
    locked = Rubric.objects.visible_to(by).select_for_update().filter(pk=rubric.pk).first()
    if locked is None:
        raise NotYoursError(_("This rubric is not shared with you."))
    value = locked.value()
    copy = create_rubric(by=by, value=replace(value, name=_("%(name)s (copy)") % {"name": value.name[:100]}))
    copy.copied_from = locked
    copy.save(update_fields=["copied_from", "updated_at"])
    return copy


@transaction.atomic
def archive_rubric(*, by: User, rubric: Rubric) -> None:
    """Take a rubric out of use; nothing is deleted, and scorings go on with it. Raises NotYoursError."""
    _changeable(by, rubric).set_archived(True)


@transaction.atomic
def restore_rubric(*, by: User, rubric: Rubric) -> None:
    """Bring an archived rubric back. Raises NotYoursError."""
    _changeable(by, rubric).set_archived(False)


@transaction.atomic
def delete_unused(*, by: User, rubric: Rubric) -> None:
    """Delete a rubric that nothing was ever scored or set with. Raises NotYoursError or InUseError."""
    locked = _changeable(by, rubric)
    try:
        locked.delete()
    except ProtectedError as error:
        raise InUseError(
            _("%(rubric)s has been used and stays with what was scored by it. You can archive the rubric instead.")
            % {"rubric": rubric}
        ) from error


def count_rubrics(owner: User) -> int:
    """The rubrics that this teacher owns, archived ones too."""
    return Rubric.objects.filter(owner=owner).count()


def move_rubrics(leaving: User, receiving: User) -> None:
    """Give all rubrics of one teacher to another; assignments and scorings stay as they are."""
    Rubric.objects.filter(owner=leaving).update(owner=receiving)


def score(
    *,
    by: User,
    session: Session,
    marks: Sequence[MarkValue],
    comment: str = "",
    rubric: Rubric | None = None,
    number: int = 0,
    fingerprint: str = "",
    evaluation: Evaluation | None = None,
    shows_evidence: bool = False,
) -> Scoring:
    """Save a scoring as a draft: the next revision. The student keeps seeing what is released, if anything.

    One mark for each criterion, in order. With `rubric` it is scored by that one as it is now, else by the version
    that the latest revision used, else by the one that the attempt was begun with. `number` is the revision that the
    person has read, 0 for none; `fingerprint` that of the rubric they have read, "" for whichever it is. `evaluation`
    is the draft that they had before them, and `shows_evidence` whether the student is to read what it quotes. Raises
    NotYoursError, StaleEditError when either has moved, ValueError for marks that do not fit the rubric and for a draft
    of another session.
    """
    stale = StaleEditError(
        _(
            "Someone saved this scoring after you opened this page, so nothing was saved yet. What you wrote is still "
            "here. Save again to replace the other changes; they stay in the history."
        )
    )
    try:
        with transaction.atomic():
            scoring = _lock_scoring(by, session)
            latest = scoring.latest if scoring else None
            if number != (latest.number if latest else 0):
                raise stale
            version = _version(by, session, rubric, latest)
            if fingerprint and version.fingerprint != fingerprint:
                raise StaleEditError(
                    _("The rubric was changed after you opened this page. Look at the criteria again, then save.")
                )
            if evaluation and evaluation.session_id != session.pk:
                raise ValueError("a draft of another session")
            scoring = scoring or Scoring.objects.create(session=session)
            scoring.latest = _write_revision(
                scoring,
                version,
                marks,
                number=number + 1,
                comment=comment,
                saved_by=by,
                evaluation=evaluation,
                shows_evidence=bool(evaluation) and shows_evidence,
            )
            scoring.save(update_fields=["latest"])
            return scoring
    except IntegrityError as error:
        # Two first drafts came at once, and the constraint kept one.
        raise stale from error


def _write_revision(
    scoring: Scoring, version: RubricVersion, marks: Sequence[MarkValue], **fields: Any
) -> ScoringRevision:
    reached = total([criterion.weight for criterion in version.value.criteria], [mark.level for mark in marks])
    weighted = reached.weighted if reached else None
    revision = ScoringRevision.objects.create(scoring=scoring, version=version, weighted=weighted, **fields)
    Mark.objects.bulk_create(
        Mark(revision=revision, position=position, level=mark.level, comment=mark.comment)
        for position, mark in enumerate(marks)
    )
    return revision


@transaction.atomic
def release(*, by: User, session: Session, number: int, evidence: Sequence[EvaluationClaim] = ()) -> Scoring:
    """Show the latest revision to the student, in place of an earlier one, and tell them.

    `number` is the revision that the person has read, `evidence` what of its draft the student reads with it: claims
    that are struck, or another draft's, are left out, and all where the revision shows none. Raises NotYoursError,
    StaleEditError when it has moved, or IncompleteError while the conversation goes on, a level is missing, or nothing
    is scored.
    """
    scoring = _lock_scoring(by, session)
    latest = scoring.latest if scoring else None
    if scoring is None or latest is None:
        raise IncompleteError(_("There is no scoring yet. Score the conversation first."))
    if latest.number != number:
        raise StaleEditError(_("Someone saved this scoring after you opened this page. Read it again before release."))
    # Locked, so that it cannot be reopened meanwhile.
    if Session.objects.select_for_update().get(pk=session.pk).is_open:
        raise IncompleteError(_("The conversation is still going on. You can release the scoring once it has ended."))
    if latest.weighted is None:
        raise IncompleteError(_("Choose a level for every criterion before you release the scoring."))
    if scoring.released_id == latest.pk:
        return scoring
    _withdraw(scoring, by)
    chosen = EvaluationClaim.objects.filter(finding__evaluation=latest.evaluation_id, struck_at=None)
    latest.evidence.set(chosen.filter(pk__in=[claim.pk for claim in evidence]) if latest.shows_evidence else [])
    latest.released_by, latest.released_at = by, timezone.now()
    latest.withdrawn_by = latest.withdrawn_at = None
    latest.save(update_fields=["released_by", "released_at", "withdrawn_by", "withdrawn_at"])
    scoring.released = latest
    scoring.save(update_fields=["released"])
    tell(
        users=[session.student],
        kind=Notification.Kind.RELEASED,
        # With the moment: what was withdrawn and released again is told again.
        about=f"scoring:{scoring.pk}:{latest.number}:{latest.released_at:%Y%m%dT%H%M%S%f}",
        names={"client": counterpart_of(session).name},
        path=reverse("transcript", args=[session.pk]),
    )
    return scoring


@transaction.atomic
def withdraw(*, by: User, session: Session) -> None:
    """Take a released scoring back: the student sees none until the next release. Raises NotYoursError."""
    scoring = _lock_scoring(by, session)
    if scoring:
        _withdraw(scoring, by)
        scoring.released = None
        scoring.save(update_fields=["released"])


@transaction.atomic
def sync_built_in_rubrics() -> BuiltInChanges:
    """Make the built-in rubrics those that come with the portal. Doing it again changes nothing.

    One that left the portal is archived, one that came back is restored; what was scored stays as it was.
    """
    found = {rubric.slug: rubric for rubric in Rubric.objects.filter(owner=None).select_for_update()}
    changes = BuiltInChanges()
    for slug, value in load_rubrics().items():
        outcome = _sync(found.pop(slug, None), slug, value)
        changes = replace(changes, **{outcome: getattr(changes, outcome) + 1})
    for rubric in found.values():
        if not rubric.archived_at:
            rubric.set_archived(True)
            changes = replace(changes, archived=changes.archived + 1)
    return changes


def built_in(slug: str) -> Rubric:
    """The built-in rubric of this name, loaded if it is not there yet. Raises KeyError for a name that none has."""
    found = Rubric.objects.filter(slug=slug, owner=None).first()
    if found is None:
        _sync(None, slug, load_rubrics()[slug])
        found = Rubric.objects.get(slug=slug, owner=None)
    return found


def _sync(rubric: Rubric | None, slug: str, value: RubricValue) -> str:
    """Write one built-in rubric; "created", "updated" or "unchanged"."""
    if rubric is None:
        rubric, made = Rubric.objects.get_or_create(slug=slug, owner=None, defaults={"name": value.name})
        if made:
            _rewrite(rubric, value)
            return "created"
    if rubric.archived_at is None and rubric.value() == value:
        return "unchanged"
    rubric.archived_at = None
    _rewrite(rubric, value)
    return "updated"


def _rewrite(rubric: Rubric, value: RubricValue) -> None:
    rubric.name, rubric.description = value.name, value.description
    rubric.revision = F("revision") + 1
    rubric.save(update_fields=["name", "description", "revision", "archived_at", "updated_at"])
    rubric.refresh_from_db(fields=["revision"])
    rubric.criteria.all().delete()
    _write_criteria(rubric, value)


def _write_criteria(rubric: Rubric, value: RubricValue) -> None:
    Criterion.objects.bulk_create(
        Criterion(
            rubric=rubric,
            position=position,
            name=row.name,
            weight=row.weight,
            points=list(row.points),
            **{level.name.lower(): text for level, text in row.levels},
        )
        for position, row in enumerate(value.criteria)
    )


def _changeable(by: User, rubric: Rubric) -> Rubric:
    """The rubric as it is now, locked, if this person may change it."""
    locked = Rubric.objects.editable_by(by).select_for_update().filter(pk=rubric.pk).first()
    if locked is None:
        raise NotYoursError(_("Only the owner may change this rubric. You can make a copy of it."))
    return locked


def _lock_scoring(by: User, session: Session) -> Scoring | None:
    """The session's scoring, locked, or None while there is none; only for whoever may score the session."""
    if not Session.objects.scorable_by(by).filter(pk=session.pk).exists():
        raise NotYoursError(_("Only the teachers of the section may score this conversation."))
    # Joined to nothing: after waiting for the lock, a join would still say what held before.
    return Scoring.objects.select_for_update().filter(session=session).first()


def frozen_version(session: Session) -> RubricVersion | None:
    """The rubric that the student was told of when the attempt began; None outside of assignments with one."""
    return RubricVersion.objects.filter(attempts__session=session).first()


def _version(by: User, session: Session, rubric: Rubric | None, latest: ScoringRevision | None) -> RubricVersion:
    """What is scored by: the chosen rubric as it is now, else what the latest revision used, else the assignment's."""
    if rubric is None:
        version = latest.version if latest else frozen_version(session)
        if version is None:
            raise IncompleteError(_("Choose a rubric first."))
        return version
    if not Rubric.objects.visible_to(by).current().filter(pk=rubric.pk).exists():
        raise NotYoursError(_("This rubric is archived, or not shared with you."))
    return RubricVersion.freeze(rubric)


def _withdraw(scoring: Scoring, by: User) -> None:
    """Keep who ended the release of the state that the student sees, if any."""
    if scoring.released_id:
        ScoringRevision.objects.filter(pk=scoring.released_id).update(withdrawn_by=by, withdrawn_at=timezone.now())
