"""The wall of a section: its page, the part that changes, and pausing everybody at once."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Section
from accounts.permissions import signed_in, staff_only
from conversations import supervision, wall
from conversations.forms import READY_NUDGES, NudgeForm
from conversations.models import Assignment
from conversations.views.supervision import answer
from conversations.wall import Sight, State, Tile

ASSIGNMENTS_OFFERED = 50
# In the addresses of a tile that the script draws: it puts the session's key in its place.
NO_SESSION = uuid.UUID(int=0)
ATTENTION = "attention"
# So many tiles come with the page, which stays light; its script fetches the others at once.
FIRST = 60


@staff_only
@never_cache
@require_safe
def wall_page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Who talks with whom just now; `assignment` shows one alone, `show=attention` only those who need a teacher."""
    sight = _sight(request, pk)
    published = Assignment.objects.visible_to(sight.user).filter(section=sight.section).published()
    seen = wall.look(sight)
    attention = request.GET.get("show") == ATTENTION
    shown = _shown(seen, attention=attention)
    context = {
        "section": sight.section,
        "assignment": sight.assignment,
        "assignments": list(published.order_by("-due_at", "title", "id")[:ASSIGNMENTS_OFFERED]),
        "attention": attention,
        "wall": seen,
        "tiles": shown[:FIRST],
        "left_out": seen.left_out + len(shown[FIRST:]),
        "states": State,
        "tiles_open": sum(seen.counts.values()),
        "counts": [(state, seen.counts[state]) for state in State if state not in {State.FINISHED, State.LEFT}],
        "no_session": NO_SESSION,
        "form": NudgeForm(auto_id="nudge-%s"),
        "ready": READY_NUDGES.items(),
        "nudge_max": supervision.NUDGE_MAX,
    }
    return render(request, "conversations/wall.html", context)


@staff_only
@never_cache
@require_safe
def wall_part(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What hangs on the wall, for its script; 304 while nothing has changed since the ETag that it names."""
    sight = _sight(request, pk)
    etag = f'"{wall.mark_of(sight)}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers={"ETag": etag})
    seen = wall.look(sight)
    body = {
        "now": _milliseconds(sight.now),
        "tiles": [_as_json(tile) for tile in _shown(seen, attention=request.GET.get("show") == ATTENTION)],
        "counts": seen.counts,
        "attention": seen.attention,
        "open": sum(seen.counts.values()),
        "left_out": seen.left_out,
        "ended": seen.ended,
        "missing": seen.missing,
        "not_started": seen.not_started,
    }
    return JsonResponse(body, headers={"ETag": etag})


@staff_only
@require_POST
def wall_hold(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Pause every conversation of the section."""
    section = _section(request, pk)
    number = supervision.hold_all(by=signed_in(request), section=section)
    words = ngettext("%(count)d conversation is paused.", "%(count)d conversations are paused.", number)
    done = words % {"count": number} if number else _("Nobody talks just now, so nothing was paused.")
    return answer(request, done, "wall", section.pk)


@staff_only
@require_POST
def wall_release(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Let everybody go on whom a teacher has paused."""
    section = _section(request, pk)
    number = supervision.release_all(by=signed_in(request), section=section)
    words = ngettext("%(count)d conversation goes on.", "%(count)d conversations go on.", number)
    done = words % {"count": number} if number else _("No conversation was paused by a teacher.")
    return answer(request, done, "wall", section.pk)


def _section(request: HttpRequest, pk: uuid.UUID) -> Section:
    return get_object_or_404(Section.objects.visible_to(signed_in(request)), pk=pk)


def _sight(request: HttpRequest, pk: uuid.UUID) -> Sight:
    """What the address asks for; an assignment that is not of this section is none."""
    user, section = signed_in(request), _section(request, pk)
    try:
        key = uuid.UUID(request.GET.get("assignment", ""))
    except ValueError:
        return Sight(user, section, None, timezone.now())
    found = Assignment.objects.visible_to(user).filter(section=section)
    return Sight(user, section, found.filter(pk=key).first(), timezone.now())


def _shown(seen: wall.Wall, *, attention: bool) -> list[Tile]:
    return [tile for tile in seen.tiles if tile.needs_attention or not attention]


def _as_json(tile: Tile) -> dict[str, Any]:
    """A tile with times in milliseconds; what is empty is left out."""
    row = {
        "id": tile.id,
        "who": tile.student,
        "with": tile.client,
        "state": tile.state,
        "since": _milliseconds(tile.started_at),
        "until": _milliseconds(tile.active_at) if tile.ended_at else 0,
        "active": _milliseconds(tile.active_at),
        "turns": tile.turns,
        "unanswered": tile.unanswered,
        "alert": tile.alerted,
        "by": tile.paused_by,
        "nudged": _milliseconds(tile.nudged_at) if tile.nudged_at else 0,
        "seen": tile.nudge_seen,
        "branch": tile.is_branch,
        "walked": tile.walked_out,
    }
    return {name: value for name, value in row.items() if value}


def _milliseconds(moment: Any) -> int:
    return int(moment.timestamp() * 1_000)
