"""What beat sends for, and how often; every task may be done twice, or late."""

from typing import Any

# How often, alone; tasks stay in tasks.py.
from celery.schedules import crontab


def beat_schedule(pulse_seconds: float) -> dict[str, dict[str, Any]]:
    """The schedule, as Celery reads it; one that a worker did not begin before its next turn is dropped."""
    # At night by the school's clock: sent every hour, done in one; an hour apart, since both read much. Within ten
    # minutes or not at all, so that a task is done in the school's hour in which it was sent, whatever its time zone.
    nightly = {
        "retain": _entry("monitoring.retain", crontab(minute=17), 600) | {"kwargs": {"hour": 3}},
        "audit-books": _entry("monitoring.audit_books", crontab(minute=17), 600) | {"kwargs": {"hour": 4}},
    }
    each_minute = {
        "check-health": "monitoring.check_health",
        "mail-alerts": "monitoring.mail_alerts",
        "mail-notifications": "accounts.mail_notifications",
        "roll-up": "monitoring.roll_up",
        "resume-jobs": "monitoring.resume_jobs",
        "recover-turns": "conversations.recover_turns",
        "close-overdue-sessions": "conversations.close_overdue",
        "pass-on-safety-alerts": "conversations.pass_on_safety_alerts",
        "abandon-idle-sessions": "conversations.abandon_idle",
    }
    ten_minutes = crontab(minute="*/10")
    return {
        "worker-pulse": _entry("monitoring.pulse", pulse_seconds, pulse_seconds),
        **{name: _entry(task, crontab(), 55) for name, task in each_minute.items()},
        "release-forgotten-trials": _entry("clients.release_forgotten_trials", ten_minutes, 300),
        "settle-forgotten-evaluations": _entry("conversations.settle_forgotten_evaluations", ten_minutes, 300),
        # Each hour, apart from one another.
        "remind-of-due-work": _entry("conversations.remind_of_due_work", crontab(minute=7), 1_800),
        "clear-windows": _entry("monitoring.clear_windows", crontab(minute=23), 600),
        "clear-rosters": _entry("accounts.clear_rosters", crontab(minute=41), 600),
        "clear-heartbeats": _entry("monitoring.clear_heartbeats", crontab(minute=53), 600),
        **nightly,
    }


def _entry(task: str, schedule: crontab | float, expires: float) -> dict[str, Any]:
    return {"task": task, "schedule": schedule, "options": {"expires": expires}}
