"""Every table that names somebody or holds words says how long it is kept, how it is exported, and how erased."""

from dataclasses import dataclass

from django.apps import apps
from django.db import models

from monitoring import privacy, retention


@dataclass(frozen=True)
class Row:
    """A table: its kind of retention, its part of an export, its stage of an erasure; in brackets why there is none."""

    kept: str
    part: str
    stage: str


EVER = "(for ever)"
NOBODY = "(about no student)"
# What staff write for everybody, and about whom they are is nobody's: free text, in which they should name no student.
OF_STAFF = Row(EVER, NOBODY, NOBODY)

TABLE: dict[str, Row] = {
    "accounts.User": Row(EVER, "account", "(the account itself, last)"),
    "accounts.User_groups": Row(EVER, NOBODY, "(with the account)"),
    "accounts.User_user_permissions": Row(EVER, NOBODY, "(with the account)"),
    "accounts.StudentDetails": Row(EVER, "details", "(with the account)"),
    "accounts.TeacherDetails": OF_STAFF,
    "accounts.School": OF_STAFF,
    "accounts.Term": OF_STAFF,
    "accounts.Section": OF_STAFF,
    "accounts.SectionKey": OF_STAFF,
    "accounts.SectionTeacher": OF_STAFF,
    "accounts.Enrolment": Row(EVER, "enrolments", "enrolments"),
    "accounts.Invitation": Row("invitations", "invitations", "invitations"),
    "accounts.Notification": Row("notifications", "notifications", "notifications"),
    "accounts.NotificationChoice": Row(EVER, "notification_choices", "notification_choices"),
    "accounts.RosterFile": Row("rosters", "(a list of many people, kept for a day)", "rosters"),
    "accounts.PersonKey": Row(EVER, "sourced_id", "(with the account)"),
    "admin.LogEntry": Row("history", "history", "history"),
    "sessions.Session": Row("sign_ins", "sign_ins", "sign_ins"),
    "clients.ClientProfile": OF_STAFF,
    "clients.ClientFact": OF_STAFF,
    "clients.ClientRule": OF_STAFF,
    "clients.ClientTryout": OF_STAFF,
    "clients.ClientVersion": OF_STAFF,
    "clients.ClientOpening": OF_STAFF,
    "clients.PersonaText": OF_STAFF,
    "clients.SectionPersonas": OF_STAFF,
    "clients.TutorPreference": Row(EVER, "tutor_preference", "tutor_preference"),
    "conversations.Rubric": OF_STAFF,
    "conversations.Criterion": OF_STAFF,
    "conversations.RubricVersion": OF_STAFF,
    "conversations.Assignment": OF_STAFF,
    "conversations.AssignmentException": Row(EVER, "exceptions", "exceptions"),
    "conversations.SectionModels": OF_STAFF,
    "conversations.Session": Row("conversations", "conversations", "conversations"),
    "conversations.Message": Row("conversations", "messages", "of_message"),
    "conversations.TutorTalk": Row("conversations", "tutor_talks", "of_tutortalk"),
    "conversations.Turn": Row("turn_states", "turns", "of_turn"),
    "conversations.Attempt": Row("conversations", "attempts", "of_attempt"),
    "conversations.Breach": Row("conversations", "breaches", "of_breach"),
    "conversations.Nudge": Row("conversations", "nudges", "of_nudge"),
    "conversations.MarginNote": Row("conversations", "notes", "of_marginnote"),
    "conversations.Flag": Row("conversations", "flags", "of_flag"),
    "conversations.SessionFeedback": Row("conversations", "feedback", "of_sessionfeedback"),
    "conversations.TranscriptReading": Row("transcript_readings", "readings", "of_transcriptreading"),
    "conversations.Evaluation": Row("conversations", "evaluations", "of_evaluation"),
    "conversations.EvaluationFinding": Row("conversations", "findings", "of_evaluationfinding"),
    "conversations.EvaluationClaim": Row("conversations", "claims", "of_evaluationclaim"),
    "conversations.Reflection": Row("conversations", "reflections", "of_reflection"),
    "conversations.SafetyAlert": Row("conversations", "safety_alerts", "of_safetyalert"),
    "conversations.Scoring": Row("conversations", "scorings", "of_scoring"),
    "conversations.ScoringRevision": Row("conversations", "scoring_states", "of_scoringrevision"),
    "conversations.ScoringRevision_evidence": Row("conversations", "evidence", "conversations"),
    "conversations.Mark": Row("conversations", "marks", "of_mark"),
    "conversations.NoticeAcceptance": Row(EVER, "notices", "notices"),
    "conversations.ContentConsent": Row(EVER, "consents", "consents"),
    "monitoring.LedgerEntry": Row(EVER, "usage", "costs"),
    "monitoring.Reservation": Row(EVER, "reserved", "costs"),
    "monitoring.DailyUserUsage": Row(EVER, "usage_by_day", "costs"),
    "monitoring.Budget": Row(EVER, "budgets", "budgets"),
    "monitoring.BudgetAccount": Row(EVER, "budgets", "budgets"),
    "monitoring.RateWindow": Row("windows", "limits", "windows"),
    "monitoring.Job": Row("jobs", "background_work", "jobs"),
    "monitoring.JobFile": Row("jobs", "(what they asked for, they have)", "downloads"),
    "monitoring.JobProblem": Row("jobs", "(what they asked for, they have)", "texts"),
    "monitoring.Alert": Row("alerts", "(about the portal)", "texts"),
    "monitoring.ErrorEntry": Row("errors", "errors", "texts"),
    "monitoring.AdminReading": Row("admin_readings", "admin_readings", "admin_readings"),
    # Records of what operators did; the person of an erasure is a key that nothing else has.
    "monitoring.Erasure": Row(EVER, NOBODY, "(the record of it)"),
    "monitoring.RetentionRun": OF_STAFF,
    "monitoring.ErrorKind": OF_STAFF,
    "monitoring.HealthReport": Row("health", NOBODY, NOBODY),
    "monitoring.Breaker": OF_STAFF,
    "monitoring.Heartbeat": OF_STAFF,
}

# Names of models, prices, kinds and places: chosen from lists, or written by the portal alone.
NO_WORDS = {
    "auth.Group", "auth.Group_permissions", "auth.Permission", "contenttypes.ContentType",
    "conversations.AssignmentClient", "monitoring.DailyUsage", "monitoring.HourlyLatency", "monitoring.HourlyUsage",
    "monitoring.ModelPrice", "monitoring.Provider", "monitoring.ProviderModel", "monitoring.RateLimit",
    "monitoring.Reservation_accounts", "monitoring.RetentionRule",
    "monitoring.RolledUp",
}  # fmt: skip
OF_PEOPLE = {"accounts.User", "accounts.Student", "accounts.Teacher", "conversations.Session"}


def concerning() -> set[str]:
    """Tables that refer to a person or a conversation, or hold text, JSON or files."""
    found = set()
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy:
            continue
        for field in model._meta.concrete_fields:
            words = isinstance(field, (models.CharField, models.TextField, models.JSONField, models.FileField))
            person = field.related_model is not None and field.related_model._meta.label in OF_PEOPLE
            key = field.name in {"user_uuid", "session_uuid", "subject_uuid", "scope_id"}
            if words or person or key:
                found.add(model._meta.label)
    return found


def test_every_table_with_people_or_words_is_classified() -> None:
    assert concerning() - set(TABLE) - NO_WORDS == set()
    known = {model._meta.label for model in apps.get_models(include_auto_created=True)}
    assert {*TABLE, *NO_WORDS} - known == set()


def test_what_the_table_names_is_registered() -> None:
    for label, row in TABLE.items():
        assert row.kept.startswith("(") or row.kept in retention.kinds(), label
        assert row.part.startswith("(") or row.part in privacy.parts(), label
        assert row.stage.startswith("(") or row.stage in privacy.stages(), label


def test_everything_that_is_registered_stands_in_the_table() -> None:
    parts = {row.part for row in TABLE.values()} | {"conversation_readings"}
    assert set(privacy.parts()) - parts == set()
    kept = {row.kept for row in TABLE.values()} | {"hourly_sums"}
    assert set(retention.kinds()) - kept == set()
    stages = {row.stage for row in TABLE.values()}
    beside = {"open_conversations", "errors", "conversation_readings", "conversation_history", "flags"}
    assert set(privacy.stages()) - stages - beside == set()


def test_nobody_is_deleted_by_the_suggestions_alone() -> None:
    assert retention.kinds()["conversations"].default_days is None
    assert all(kind.default_days is None or kind.default_days >= 1 for kind in retention.kinds().values())
