"""The library: the clients that a teacher has, may use, or has archived."""

from django.core.paginator import Paginator
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.permissions import signed_in, staff_only
from accounts.views.answers import render_list
from clients import choices
from clients.forms import FilterForm
from clients.models import ClientProfile

PAGE_SIZE = 20
DIFFICULTY_ORDER = Case(
    *(When(difficulty=code, then=Value(place)) for place, (code, _label) in enumerate(choices.DIFFICULTY)),
    output_field=IntegerField(),
)


def tab_conditions(user: User) -> dict[str, Q]:
    """What stands under each tab, among the clients that the person sees."""
    current = Q(archived_at=None)
    return {
        "mine": current & Q(owner=user),
        "shared": current & ~Q(owner=user) & ~Q(owner=None),
        "builtin": current & Q(owner=None),
        "archived": Q(archived_at__isnull=False) & (Q() if user.is_admin else Q(owner=user)),
    }


def filtered(user: User, chosen: dict[str, str]) -> QuerySet[ClientProfile]:
    """The clients under the chosen tab and filters, in the chosen order."""
    found = ClientProfile.objects.visible_to(user).filter(tab_conditions(user)[chosen["tab"]])
    if "q" in chosen:
        found = found.matching(chosen["q"])
    found = found.filter(**{key: chosen[key] for key in ("domain", "difficulty", "language") if key in chosen})
    order = DIFFICULTY_ORDER if chosen["sort"] == "difficulty" else chosen["sort"]
    opened = Count("openings", filter=Q(openings__closed_at=None, openings__section__archived_at=None))
    return found.select_related("owner").annotate(open_sections=opened).order_by(order, "name", "id")


@staff_only
@require_safe
def client_list(request: HttpRequest) -> HttpResponse:
    """The library, with its filters in the address; htmx gets the results alone."""
    user = signed_in(request)
    form = FilterForm(request.GET)
    chosen = form.chosen()
    counts = ClientProfile.objects.visible_to(user).aggregate(
        **{tab: Count("pk", filter=condition) for tab, condition in tab_conditions(user).items()}
    )
    page = Paginator(filtered(user, chosen), PAGE_SIZE).get_page(request.GET.get("page"))
    for client in page:
        client.changeable = client.may_be_changed_by(user)  # type: ignore[attr-defined]
    context = {
        "form": form,
        "chosen": chosen,
        "tabs": [(tab, label, counts[tab]) for tab, label in FilterForm.TABS],
        "page_obj": page,
        "query": urlencode(chosen),
        "filtering": bool(chosen.keys() - {"tab", "sort"}),
    }
    return render_list(request, "clients/list.html", "clients/_results.html", context)
