"""The work of evaluations: runs that each reserve, ask, and are kept together with their settlement, whatever dies.

An evaluation names the reservation that its run at work holds. Whoever takes over from a dead worker settles it by
estimate, since nobody can tell what became of the answer, and a worker that comes back late keeps nothing.
"""

import datetime as dt
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language, get_language_info
from django.utils.translation import gettext as _

from clients.voices import structured
from clients.voices.base import Fault
from clients.voices.structured import Answer, Failure, Question
from conversations.evaluation import by_rule, counts
from conversations.evaluation.answers import Judgement, check
from conversations.evaluation.prompt import question
from conversations.evaluation.transcript import Line, parts_of_name
from conversations.evaluation.verdicts import Run, verdicts
from conversations.models import Evaluation, EvaluationClaim, EvaluationFinding, Session
from monitoring import pricing
from monitoring.budgets import BudgetExhaustedError, Scope, tell_refusal
from monitoring.jobs import Problem, Progress
from monitoring.models import Job, Reservation
from monitoring.models.price import UnknownPriceError, price_now
from monitoring.services import reserve, settle

KIND = "conversations.evaluate"
MONEY = "evaluation"
RUNS = 3
# Evaluations at work at the same time; the runs of each are made one after the other, and so read from the cache.
AT_ONCE = 4
# So often one evaluation may fail, and so many rounds in a row, a minute or two apart, the provider.
TRIES = 3
OUTAGES = 5
# What one criterion takes a model to write, where that must be guessed.
TYPICAL_TOKENS = 200
# Longer than any step: what is held then for work that has ended belongs to a worker that died.
FORGOTTEN = dt.timedelta(minutes=10)

Status = Evaluation.Status


class _RefusedError(Exception):
    """An evaluation cannot go on; the text says why, for a teacher."""


class _Material(NamedTuple):
    """What an evaluation judges: the lines, each one's message, and the parts of the student's name."""

    lines: list[Line]
    keys: dict[int, uuid.UUID]
    names: list[str]


class _Begun(NamedTuple):
    """A run that holds its money."""

    key: uuid.UUID
    material: _Material
    question: Question[Judgement]
    reservation: Reservation


@dataclass(frozen=True, slots=True)
class _Place:
    """The checkpoint: how often each evaluation failed, and how many rounds in a row the provider."""

    tries: dict[str, int] = field(default_factory=dict)
    outages: int = 0


def runs_of(voice: str) -> int:
    """How many runs an evaluation by this voice takes: a rule says the same every time."""
    return 1 if voice == Session.Voice.SCRIPTED else RUNS


def evaluate(job: Job) -> Progress:
    """One step: the next run of some evaluations, first of those that have failed least."""
    return _Step(job).do()


def settle_forgotten() -> int:
    """Settle what a worker that died holds for work that nobody goes on with; how many."""
    long_ago = timezone.now() - FORGOTTEN
    held = Evaluation.objects.filter(reservation__created_at__lt=long_ago).exclude(job__in=_going_on())
    keys = list(held.values_list("pk", flat=True))
    for key in keys:
        _is_free(key)
    return len(keys)


def held_by_evaluations() -> list[uuid.UUID]:
    """The reservations that runs hold whose work goes on."""
    held = Evaluation.objects.exclude(reservation=None).filter(job__in=_going_on())
    return [one.reservation_id for one in held if one.reservation_id]


def _going_on() -> QuerySet[Job, Any]:
    return Job.objects.filter(finished_at=None).values("pk")


class _Step:
    """The work of one step."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.tries: dict[str, int] = dict(_Place(**job.checkpoint).tries)
        self.outages = _Place(**job.checkpoint).outages
        self.problems: list[Problem] = []
        # Somebody else may still be at a run: one that was paused, or lost its claim, a moment ago.
        self.busy = False

    def do(self) -> Progress:
        waiting = self._waiting()
        begun = [run for key, voice in waiting[:AT_ONCE] if (run := self._begin(key, voice))]
        answers = structured.ask_all([run.question for run in begun], [run.reservation for run in begun])
        for run, answer in zip(begun, answers, strict=True):
            _finish(run, answer)
            if answer.value is None:
                self._count_failure(run.key, answer)
        away = any(answer.error and answer.error.fault is not Fault.INVALID_REQUEST for answer in answers)
        answered = any(answer.value for answer in answers)
        self.outages = self.outages + 1 if away and not answered else 0
        if self.outages >= OUTAGES:
            for key, _voice in self._waiting():
                self._give_up(key, _("The model could not be reached for some minutes. Ask again later."))
        return self._progress(later=away or (self.busy and not begun))

    def _waiting(self) -> list[tuple[uuid.UUID, str]]:
        """The evaluations that are not done, with their voices, in the order in which they are tried."""
        found = Evaluation.objects.filter(job=self.job, status__in=Evaluation.OPEN).order_by("created_at", "id")
        return sorted(found.values_list("pk", "voice"), key=lambda row: self.tries.get(str(row[0]), 0))

    def _begin(self, key: uuid.UUID, voice: str) -> _Begun | None:
        """The run that is to be asked; None where there is none, since a rule judged or it cannot go on."""
        if not _is_free(key):
            self.busy = True
            return None
        try:
            if voice == Session.Voice.SCRIPTED:
                _judge_by_rule(key, self.job)
                return None
            return _reserve(key, self.job)
        except BudgetExhaustedError as error:
            # After the rollback, which would take the alert along.
            tell_refusal(error)
            self._give_up(key, str(error))
        except UnknownPriceError:
            self._give_up(key, _("The model has no price, so it cannot be asked. Your school's support can help."))
        except _RefusedError as refused:
            self._give_up(key, str(refused))
        return None

    def _count_failure(self, key: uuid.UUID, answer: Answer[Judgement]) -> None:
        self.tries[str(key)] = self.tries.get(str(key), 0) + 1
        if self.tries[str(key)] >= TRIES:
            self._give_up(key, _why(answer))

    def _give_up(self, key: uuid.UUID, why: str) -> None:
        failed = Evaluation.objects.filter(pk=key, job=self.job, status__in=Evaluation.OPEN)
        if failed.update(status=Status.FAILED, error=why[:300], finished_at=timezone.now()):
            session = Session.objects.select_related("student", "client").get(evaluations=key)
            self.problems.append(Problem(f"{session}: {why}"))

    def _progress(self, *, later: bool) -> Progress:
        """How far the evaluations are now, told as what this step added: what a dead worker did is counted too."""
        rows = Evaluation.objects.filter(job=self.job).values_list("status", "voice", "runs")
        lost = sum(runs_of(voice) - len(runs) for status, voice, runs in rows if status == Status.FAILED)
        done = lost + sum(len(runs) for _status, _voice, runs in rows)
        return Progress(
            asdict(_Place(self.tries, self.outages)),
            done=max(0, done - self.job.done),
            failed=max(0, lost - self.job.failed),
            problems=self.problems,
            finished=not any(status in Evaluation.OPEN for status, _voice, _runs in rows),
            later=later,
        )


def _why(answer: Answer[Judgement]) -> str:
    """Why there is no judgement, for a teacher; the provider's own words are for operators."""
    match answer.failure:
        case Failure.REFUSED:
            return _("The model would not judge this conversation. Score it yourself.")
        case Failure.TRUNCATED | Failure.INVALID:
            return _("The model did not answer in the form that was asked for. Ask again later, or score it yourself.")
    if answer.error and answer.error.fault is Fault.INVALID_REQUEST:
        return _("The model does not take this conversation; it may be too long. Score it yourself.")
    return _("The model could not be reached. Ask again later.")


def _locked(key: uuid.UUID, job: Job | None = None) -> Evaluation | None:
    """The evaluation, locked; with a job only while it is open and that job's."""
    found = Evaluation.objects.select_for_update(of=("self",)).filter(pk=key)
    if job:
        found = found.filter(job=job, status__in=Evaluation.OPEN)
    # Not the reservation: after waiting for the lock, a join would still say what held before.
    related = ("session__student", "session__section", "version", "asked_by")
    return found.select_related(*related).first()


def _material(evaluation: Evaluation) -> _Material:
    said = counts.lines_of(evaluation.session)
    names = parts_of_name(evaluation.session.student.display_name)
    return _Material([line for _key, line in said], {line.number: key for key, line in said}, names)


def _question(evaluation: Evaluation, material: _Material) -> Question[Judgement]:
    language = get_language_info(get_language() or "en")["name"]
    return question(evaluation.version.value, material.lines, material.names, language=language, model=evaluation.model)


def _check_rights(evaluation: Evaluation) -> None:
    """The rights of this moment: whoever asked may have left, or the student goes on. Raises _RefusedError."""
    by = evaluation.asked_by
    if evaluation.session.is_open:
        raise _RefusedError(_("The conversation goes on again. Ask for a draft once it has ended."))
    if not by.is_active or not Session.objects.scorable_by(by).filter(pk=evaluation.session_id).exists():
        raise _RefusedError(_("Whoever asked for this may not score the conversation any more."))


@transaction.atomic
def _reserve(key: uuid.UUID, job: Job) -> _Begun | None:
    """Money for the next run, held by the evaluation; None where somebody else was quicker.

    Raises BudgetExhaustedError, UnknownPriceError, _RefusedError.
    """
    evaluation = _locked(key, job)
    if evaluation is None or evaluation.reservation:
        return None
    _check_rights(evaluation)
    material = _material(evaluation)
    asked = _question(evaluation, material)
    scopes = [Scope("evaluation", evaluation.pk, "")]
    if section := evaluation.session.section:
        scopes.append(Scope("section", section.pk, str(section)))
    price = price_now(evaluation.model)
    reservation = reserve(
        by=evaluation.asked_by,
        kind=MONEY,
        scopes=scopes,
        price=price,
        amount_microusd=price.ceiling(asked.most_tokens, asked.max_tokens, settings.PROVIDER_CALLS),
    )
    evaluation.reservation, evaluation.status = reservation, Status.RUNNING
    evaluation.save(update_fields=["reservation", "status"])
    return _Begun(key, material, asked, reservation)


@transaction.atomic
def _finish(run: _Begun, answer: Answer[Judgement]) -> None:
    """Keep what a run said together with its settlement; nothing where it was settled for us as lost."""
    evaluation = _locked(run.key)
    if evaluation is None or evaluation.reservation_id != run.reservation.pk:
        return
    if answer.value is not None:
        value = evaluation.version.value
        _keep(evaluation, check(answer.value, value, run.material.lines, run.material.names), run.material)
    _pay(evaluation, run.reservation, answer.usage, answer.outcome, total_ms=answer.total_ms, calls=answer.calls)


@transaction.atomic
def _is_free(key: uuid.UUID) -> bool:
    """Whether nobody is at a run of it. What a dead worker holds for one is settled first, by estimate."""
    evaluation = _locked(key)
    if evaluation is None or evaluation.reservation is None:
        return True
    if evaluation.reservation.created_at > timezone.now() - dt.timedelta(seconds=settings.JOB_DEAD_SECONDS):
        return False
    asked = _question(evaluation, _material(evaluation))
    usage = pricing.Usage(
        input=pricing.estimate_tokens(asked.instruction, asked.text),
        output=TYPICAL_TOKENS * len(evaluation.version.value.criteria),
        estimated=True,
    )
    _pay(evaluation, evaluation.reservation, usage, "interrupted", total_ms=0, calls=1)
    return True


def _pay(
    evaluation: Evaluation, reservation: Reservation, usage: pricing.Usage, outcome: str, *, total_ms: int, calls: int
) -> None:
    evaluation.reservation = None
    evaluation.cost_microusd += reservation.frozen_price.cost(usage)
    evaluation.save()
    # Late, as all that locks budgets.
    settle(reservation=reservation, usage=usage, outcome=outcome, first_text_ms=None, total_ms=total_ms, calls=calls)


@transaction.atomic
def _judge_by_rule(key: uuid.UUID, job: Job) -> None:
    """Judge by what is counted; no model is asked, so no money is held."""
    evaluation = _locked(key, job)
    if evaluation is None:
        return
    _check_rights(evaluation)
    said = counts.lines_of(evaluation.session)
    run = by_rule.judge(evaluation.version.value, counts.heard_in(evaluation.session, said))
    _keep(evaluation, run, _material(evaluation))
    evaluation.save()


def _keep(evaluation: Evaluation, run: Run, material: _Material) -> None:
    """Add a run and, where it is the last, what all of them come to; the caller saves the evaluation."""
    evaluation.runs = [*evaluation.runs, run.to_json()]
    evaluation.dropped += run.dropped
    if len(evaluation.runs) < runs_of(evaluation.voice) or evaluation.status not in Evaluation.OPEN:
        return
    said = [(material.keys[line.number], line) for line in material.lines]
    evaluation.counts = counts.count(counts.heard_in(evaluation.session, said))
    evaluation.status, evaluation.finished_at = Status.DONE, timezone.now()
    claims: list[EvaluationClaim] = []
    for position, verdict in enumerate(verdicts([Run.from_json(row) for row in evaluation.runs])):
        review = by_rule.review(evaluation.version.value, position) if evaluation.is_by_rule else ""
        review = review or verdict.review
        finding = EvaluationFinding.objects.create(
            evaluation=evaluation,
            position=position,
            level=verdict.level,
            levels=verdict.levels,
            needs_review=bool(review),
            review_reason=review,
        )
        claims += [
            EvaluationClaim(finding=finding, message_id=material.keys[number], quote=quote, says=says)
            for number, quote, says in verdict.claims
        ]
    EvaluationClaim.objects.bulk_create(claims)
