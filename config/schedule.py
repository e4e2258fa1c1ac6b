"""What beat sends for, and how often; every task may be done twice, or late."""

from typing import Any

# How often, alone; tasks stay in tasks.py.
from celery.schedules import crontab


def beat_schedule(pulse_seconds: float) -> dict[str, dict[str, Any]]:
    """The schedule, as Celery reads it; one that a worker did not begin before its next turn is dropped."""
    return {
        "worker-pulse": {
            "task": "monitoring.pulse",
            "schedule": pulse_seconds,
            "options": {"expires": pulse_seconds},
        },
        "check-health": {"task": "monitoring.check_health", "schedule": crontab(), "options": {"expires": 55}},
        # At night by the school's clock: sent every hour, done in one; an hour apart, since both read much. Within
        # ten minutes or not at all, so that a task is done in the school's hour in which it was sent, whatever its
        # time zone.
        "retain": {
            "task": "monitoring.retain",
            "schedule": crontab(minute=17),
            "kwargs": {"hour": 3},
            "options": {"expires": 600},
        },
        "audit-books": {
            "task": "monitoring.audit_books",
            "schedule": crontab(minute=17),
            "kwargs": {"hour": 4},
            "options": {"expires": 600},
        },
        "clear-heartbeats": {
            "task": "monitoring.clear_heartbeats",
            "schedule": crontab(minute=53),
            "options": {"expires": 600},
        },
        "mail-alerts": {"task": "monitoring.mail_alerts", "schedule": crontab(), "options": {"expires": 55}},
        "mail-notifications": {
            "task": "accounts.mail_notifications",
            "schedule": crontab(),
            "options": {"expires": 55},
        },
        "roll-up": {"task": "monitoring.roll_up", "schedule": crontab(), "options": {"expires": 55}},
        "clear-windows": {
            "task": "monitoring.clear_windows",
            "schedule": crontab(minute=23),
            "options": {"expires": 600},
        },
        "clear-rosters": {
            "task": "accounts.clear_rosters",
            "schedule": crontab(minute=41),
            "options": {"expires": 600},
        },
        "resume-jobs": {"task": "monitoring.resume_jobs", "schedule": crontab(), "options": {"expires": 55}},
        "recover-turns": {"task": "conversations.recover_turns", "schedule": crontab(), "options": {"expires": 55}},
        "release-forgotten-trials": {
            "task": "clients.release_forgotten_trials",
            "schedule": crontab(minute="*/10"),
            "options": {"expires": 300},
        },
        "settle-forgotten-evaluations": {
            "task": "conversations.settle_forgotten_evaluations",
            "schedule": crontab(minute="*/10"),
            "options": {"expires": 300},
        },
        "close-overdue-sessions": {
            "task": "conversations.close_overdue",
            "schedule": crontab(),
            "options": {"expires": 55},
        },
        "remind-of-due-work": {
            "task": "conversations.remind_of_due_work",
            "schedule": crontab(minute=7),
            "options": {"expires": 1_800},
        },
        "pass-on-safety-alerts": {
            "task": "conversations.pass_on_safety_alerts",
            "schedule": crontab(),
            "options": {"expires": 55},
        },
        "abandon-idle-sessions": {
            "task": "conversations.abandon_idle",
            "schedule": crontab(),
            "options": {"expires": 55},
        },
    }
