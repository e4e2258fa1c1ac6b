"""The conversations app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    """A student talks with a client."""

    name = "conversations"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        """Tell readiness whether this process still takes work, and what of ours is audited and derived."""
        from accounts.services import transfer
        from conversations import audit, deletion, export_jobs, figures, gauges, personal, rubrics
        from conversations.evaluation import runs
        from conversations.live.engine import check_serving
        from conversations.models import says  # noqa: F401  the lookup `content__says`
        from conversations.turns.recover import check_stuck
        from monitoring import audit as auditor
        from monitoring import figures as ledger_figures
        from monitoring import health, jobs
        from monitoring.models import Alert

        health.register("serving", check_serving, kept=False)
        health.register("turns", check_stuck, ready=False, alert=Alert.Kind.STUCK)
        jobs.register(export_jobs.KIND, export_jobs.export, private=True)
        jobs.register(runs.KIND, runs.evaluate, atomic=False)
        transfer.register("rubrics", label=_("rubrics"), count=rubrics.count_rubrics, move=rubrics.move_rubrics)
        auditor.register_work("turns", audit.held_by_turns)
        auditor.register_work("evaluations", runs.held_by_evaluations)
        for name, check in audit.CHECKS.items():
            auditor.register(name, check)
        auditor.register("running turns", audit.check_nothing_runs, at_rest=True)
        auditor.register("costs of evaluations", audit.check_evaluation_costs, at_rest=True)
        gauges.register()
        deletion.register_all()
        personal.register_all()
        ledger_figures.register("conversations", figures.rebuild)
