"""What teachers do with evaluations: ask for them, and strike a claim or take that back."""

from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.services import RuleBrokenError
from clients.voices import voice_for_new_sessions
from conversations.evaluation import runs
from conversations.evaluation.prompt import question
from conversations.models import Assignment, Evaluation, EvaluationClaim, Message, Rubric, RubricVersion, Session
from conversations.models.message import MessageQuerySet
from conversations.models.session import SessionQuerySet
from conversations.reflections import rubric_for
from conversations.scores import RubricValue
from monitoring import jobs, pricing
from monitoring.models import Job
from monitoring.models.price import UnknownPriceError, price_now


class EvaluationRuleError(RuleBrokenError):
    """A rule of evaluations was broken; the message says which in plain words."""


@transaction.atomic
def evaluate(
    *, by: User, sessions: Sequence[Session], rubric: Rubric | RubricVersion | None = None, again: bool = False
) -> list[Evaluation]:
    """Ask for an evaluation of each of these conversations, in one job; in their order.

    Each is judged by `rubric`, as it is now or as it was, else by that of its attempt, else by the built-in one of the
    client's field. One that is under way is not begun twice, one that was broken off goes on, and one that is done
    stands unless `again`. Raises EvaluationRuleError for whoever may not score them, and where one goes on or its
    student said nothing.
    """
    # Locked, so that two who ask at once ask for one.
    scorable = Session.objects.scorable_by(by).select_for_update(of=("self",)).order_by("pk")
    found = {row.pk: row for row in scorable.filter(pk__in=[session.pk for session in sessions])}
    if len(found) < len({session.pk for session in sessions}):
        raise EvaluationRuleError(_("Only the teachers of the section may have this conversation judged."))
    if any(session.is_open for session in found.values()):
        raise EvaluationRuleError(_("The conversation is still going on. It can be judged once it has ended."))
    if Session.objects.filter(~Exists(_own_words()), pk__in=found).exists():
        raise EvaluationRuleError(_("The student said nothing in this conversation, so there is nothing to judge."))
    version = RubricVersion.freeze(rubric) if isinstance(rubric, Rubric) else rubric
    evaluations = [_evaluation(by, found[session.pk], version, again=again) for session in sessions]
    new = [one for one in evaluations if one.status in Evaluation.OPEN and not one.is_waited_for]
    if new:
        _begin(by, new)
    return evaluations


def _evaluation(by: User, session: Session, version: RubricVersion | None, *, again: bool) -> Evaluation:
    """The newest evaluation of this session by its rubric if it will do, else a new one."""
    version = version or rubric_for(session)
    known = Evaluation.objects.filter(session=session, version=version).select_related("job").first()
    if known and (known.status in Evaluation.OPEN or (known.status == Evaluation.Status.DONE and not again)):
        return known
    voice, model = _rater()
    return Evaluation.objects.create(session=session, version=version, voice=voice, model=model, asked_by=by)


def _rater() -> tuple[str, str]:
    """Voice and model of who drafts: the site's own choice, whoever spoke in the conversation."""
    return voice_for_new_sessions(settings.MODEL_DEFAULT, *settings.FALLBACK_MODELS)


def _begin(by: User, evaluations: Sequence[Evaluation]) -> Job:
    label = ngettext("Draft for %(number)s conversation", "Drafts for %(number)s conversations", len(evaluations))
    job = jobs.create(
        by=by,
        kind=runs.KIND,
        label=label % {"number": len(evaluations)},
        total=sum(runs.runs_of(one.voice) for one in evaluations),
    )
    for one in evaluations:
        one.job, one.asked_by = job, by
    Evaluation.objects.bulk_update(evaluations, ["job", "asked_by"])
    return job


def _own_words() -> MessageQuerySet:
    return Message.objects.spoken().filter(session=OuterRef("pk"), role=Message.Role.STUDENT)


def undrafted(assignment: Assignment) -> SessionQuerySet:
    """The handed-in attempts, long enough and with a rubric, that have neither a draft nor one under way."""
    under_way = Q(status__in=Evaluation.OPEN, job__isnull=False, job__finished_at=None)
    drafts = Evaluation.objects.filter(under_way | Q(status=Evaluation.Status.DONE))
    drafted = drafts.filter(session=OuterRef("pk"), version=OuterRef("attempt__rubric_version"))
    handed_in = Session.objects.filter(
        attempt__assignment=assignment,
        attempt__rubric_version__isnull=False,
        status=Session.Status.COMPLETED,
        exchanges__gte=F("attempt__min_exchanges"),
    )
    return handed_in.filter(Exists(_own_words())).exclude(Exists(drafted))


def cost_of(value: RubricValue, characters: int, conversations: int = 1) -> int | None:
    """About how many micro-dollars drafts for so much text cost; 0 by rule, None where the model has no price."""
    voice, model = _rater()
    if voice == Session.Voice.SCRIPTED:
        return 0
    try:
        price = price_now(model)
    except UnknownPriceError:
        return None
    asked = question(value, [], [], language="English", model=model)
    read = conversations * pricing.estimate_tokens(asked.instruction) + characters // 3
    written = conversations * runs.TYPICAL_TOKENS * len(value.criteria)
    # The first run writes the cache, the others read it.
    first = price.cost(pricing.Usage(cache_write=read, output=written))
    return first + (runs.RUNS - 1) * price.cost(pricing.Usage(cache_read=read, output=written))


@transaction.atomic
def strike(*, by: User, claim: EvaluationClaim) -> None:
    """Take a claim out of the draft: no student reads it. Struck twice is struck once. Raises EvaluationRuleError."""
    _claims_of(by, claim).filter(struck_at=None).update(struck_by=by, struck_at=timezone.now())


@transaction.atomic
def unstrike(*, by: User, claim: EvaluationClaim) -> None:
    """Bring a struck claim back. Raises EvaluationRuleError."""
    _claims_of(by, claim).update(struck_by=None, struck_at=None)


def _claims_of(by: User, claim: EvaluationClaim) -> QuerySet[EvaluationClaim]:
    visible = EvaluationClaim.objects.filter(pk=claim.pk, finding__evaluation__in=Evaluation.objects.visible_to(by))
    if not visible.exists():
        raise EvaluationRuleError(_("Only the teachers of the section may strike what a draft says."))
    return visible
