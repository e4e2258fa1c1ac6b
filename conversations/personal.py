"""What conversations keep of a student: the parts of an export, and the stages of an erasure."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from conversations.deletion import delete_sessions
from conversations.models import (
    Assignment,
    AssignmentException,
    Attempt,
    Breach,
    ContentConsent,
    Evaluation,
    EvaluationClaim,
    EvaluationFinding,
    Flag,
    MarginNote,
    Mark,
    Message,
    NoticeAcceptance,
    Nudge,
    Reflection,
    Rubric,
    SafetyAlert,
    Scoring,
    ScoringRevision,
    Session,
    SessionFeedback,
    TranscriptReading,
    Turn,
    TutorTalk,
)
from conversations.readings import log_readings
from conversations.sessions import complete
from monitoring import privacy
from monitoring.models import AdminReading, ErrorEntry
from monitoring.privacy import NotYetError, Subject, fields_of

# Tables whose rows belong to one conversation, and the way there.
OF_A_SESSION: dict[type[models.Model], str] = {
    Message: "session",
    Turn: "session",
    Attempt: "session",
    Scoring: "session",
    ScoringRevision: "scoring__session",
    Mark: "revision__scoring__session",
    Evaluation: "session",
    EvaluationFinding: "evaluation__session",
    EvaluationClaim: "finding__evaluation__session",
    MarginNote: "message__session",
    Nudge: "session",
    Flag: "message__session",
    SafetyAlert: "session",
    SessionFeedback: "session",
    Reflection: "session",
    Breach: "session",
    TranscriptReading: "session",
    TutorTalk: "session",
}


def register_all() -> None:
    """Register what is of conversations; called when the app starts."""
    _register_parts()
    _register_stages()
    privacy.register_of_staff(
        Assignment, AssignmentException, Evaluation, EvaluationClaim, Flag, MarginNote, Nudge, Rubric, SafetyAlert,
        ScoringRevision, TranscriptReading,
    )  # fmt: skip


def _of(model: type[Any]) -> Callable[[uuid.UUID], QuerySet[Any]]:
    """The rows of a table that belong to this student's conversations."""
    path = OF_A_SESSION[model]
    return lambda user: model._default_manager.filter(**{f"{path}__student": user})


def _sessions(user: uuid.UUID) -> QuerySet[Session]:
    return Session.objects.filter(student=user)


# --- Export -----------------------------------------------------------------------------------------------------------


def _register_parts() -> None:
    privacy.register_part(
        "conversations",
        lambda user: fields_of(
            _sessions(user).order_by("started_at"),
            client_name="client__name", section_name="section__name", assignment_title="assignment__title",
        ),
        label=_("Conversations"),
        read=_log,
    )  # fmt: skip
    privacy.register_part("messages", _messages, label=_("What was said in them"))
    own: list[tuple[str, Any, type[models.Model], dict[str, str]]] = [
        ("turns", _("Each attempt at a reply, and what it noted"), Turn, {}),
        ("attempts", _("Attempts at assignments"), Attempt, {"assignment_title": "assignment__title"}),
        ("scorings", _("Scorings"), Scoring, {}),
        (
            "scoring_states",
            _("Every saved state of a scoring, drafts too"),
            ScoringRevision,
            {"rubric": "version__data", "saved_by_name": "saved_by__display_name"},
        ),
        ("marks", _("The level and comment of each criterion in them"), Mark, {}),
        ("evaluations", _("What a model or a rule drafted about conversations"), Evaluation, {}),
        ("findings", _("What a draft says of each criterion"), EvaluationFinding, {}),
        ("claims", _("The words that a draft rests on"), EvaluationClaim, {}),
        ("notes", _("Notes of teachers in the margin, internal ones too"), MarginNote, {"by": "author__display_name"}),
        ("nudges", _("Private words from teachers"), Nudge, {"by": "sent_by__display_name"}),
        ("flags", _("Flagged replies"), Flag, {"raised_by_name": "raised_by__display_name"}),
        ("safety_alerts", _("Safety alerts"), SafetyAlert, {"seen_to_by": "acknowledged_by__display_name"}),
        ("feedback", _("What they said of conversations"), SessionFeedback, {}),
        ("reflections", _("How they judged themselves"), Reflection, {}),
        ("tutor_talks", _("Which tutor they talked with, about what"), TutorTalk, {}),
        ("breaches", _("Replies that left the character"), Breach, {}),
        ("readings", _("Who read their conversations"), TranscriptReading, {"reader_name": "reader__display_name"}),
    ]
    for name, label, model, more in own:
        privacy.register_part(name, _part(model, more), label=label)
    privacy.register_part("evidence", _evidence, label=_("Which of those words a scoring shows"))
    privacy.register_part("exceptions", lambda user: fields_of(_exceptions(user)), label=_("Exceptions granted"))
    privacy.register_part("notices", lambda user: fields_of(_notices(user)), label=_("Notices they accepted"))
    privacy.register_part(
        "consents",
        lambda user: fields_of(_consents(user), client_name="client__name"),
        label=_("Content notes they agreed to"),
    )
    privacy.register_part("errors", lambda user: fields_of(_errors(user)), label=_("What went wrong in conversations"))
    privacy.register_part(
        "conversation_readings",
        lambda user: fields_of(_admin_readings(user), reader_name="reader__display_name"),
        label=_("Who looked at their conversations in the administration"),
    )


def _part(model: type[Any], more: dict[str, str]) -> privacy.Rows:
    rows = _of(model)
    return lambda user: fields_of(rows(user), **more)


def _messages(user: uuid.UUID) -> Iterator[dict[str, Any]]:
    return fields_of(_of(Message)(user).order_by("session", "sequence"))


def _evidence(user: uuid.UUID) -> Iterator[dict[str, Any]]:
    shown = ScoringRevision.evidence.through._default_manager
    return fields_of(shown.filter(scoringrevision__scoring__session__student=user))


def _log(by: User, user: uuid.UUID) -> None:
    log_readings(by=by, sessions=_sessions(user).values_list("pk", flat=True), how=TranscriptReading.How.EXPORT)


def _exceptions(user: uuid.UUID) -> QuerySet[AssignmentException]:
    return AssignmentException.objects.filter(student=user)


def _notices(user: uuid.UUID) -> QuerySet[NoticeAcceptance]:
    return NoticeAcceptance.objects.filter(user=user)


def _consents(user: uuid.UUID) -> QuerySet[ContentConsent]:
    return ContentConsent.objects.filter(user=user)


def _errors(user: uuid.UUID) -> QuerySet[ErrorEntry]:
    return ErrorEntry.objects.filter(session_uuid__in=_sessions(user).values("pk"))


def _admin_readings(user: uuid.UUID) -> QuerySet[AdminReading]:
    keys = [str(key) for key in _sessions(user).values_list("pk", flat=True)]
    return AdminReading.objects.filter(row__in=keys)


# --- Erasure ----------------------------------------------------------------------------------------------------------


def _register_stages() -> None:
    privacy.register_stage(
        "open_conversations",
        label=_("conversations that are open, which end now"),
        count=lambda subject: _sessions(subject.id).open().count(),  # type: ignore[attr-defined]
        erase=_end_open,
    )
    privacy.register_rows("errors", _errors, label=_("errors in their conversations"))
    privacy.register_stage(
        "conversation_readings",
        label=_("readings of their conversations in the admin, which stay without their key"),
        count=lambda subject: _admin_readings(subject.id).count(),
        erase=lambda subject, _at_most: _admin_readings(subject.id).update(row="", query=""),
    )
    privacy.register_stage(
        "conversation_history",
        label=_("entries about their conversations in the administration's history"),
        count=lambda subject: sum(entries.count() for entries in _history(subject.id)),
        erase=lambda subject, _at_most: sum(privacy.forget_history(entries) for entries in _history(subject.id)),
    )
    for model, path in OF_A_SESSION.items():
        # Counted one by one, so that somebody sees what is lost; they go with their conversations.
        privacy.register_stage(
            f"of_{model._meta.model_name}",
            label=model._meta.verbose_name_plural or path,
            count=_counting(model),
            erase=lambda _subject, _at_most: 0,
        )
    privacy.register_stage(
        "conversations",
        label=_("conversations, with all that belongs to them"),
        count=lambda subject: _sessions(subject.id).count(),
        erase=_erase_sessions,
    )
    privacy.register_rows("flags", lambda user: Flag.objects.filter(raised_by=user), label=_("other flags they raised"))
    privacy.register_rows("exceptions", _exceptions, label=_("exceptions granted"))
    privacy.register_rows("notices", _notices, label=_("notices they accepted"))
    privacy.register_rows("consents", _consents, label=_("content notes they agreed to"))


def _counting(model: type[Any]) -> Callable[[Subject], int]:
    rows = _of(model)
    return lambda subject: rows(subject.id).count()


def _history(user: uuid.UUID) -> Iterator[QuerySet[Any]]:
    for model in (Session, Turn, Flag, SafetyAlert):
        rows = _sessions(user) if model is Session else _of(model)(user)
        yield privacy.history_of(model, rows.values_list("pk", flat=True))


def _end_open(subject: Subject, at_most: int) -> int:
    """As their student would end them: a reply that runs is stopped."""
    open_ones = Session.objects.select_for_update().open().filter(student=subject.id)
    ended = list(open_ones[: at_most // 10])
    for session in ended:
        complete(session)
    return len(ended)


def _erase_sessions(subject: Subject, at_most: int) -> int:
    deleted = delete_sessions(_sessions(subject.id), at_most)
    if not deleted and _sessions(subject.id).exists():
        # Its money has to be settled first.
        raise NotYetError(gettext("a reply or a draft of a scoring that is being written"))
    return deleted
