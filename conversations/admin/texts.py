"""Rows that hold what was said: who may read transcripts sees it, one row at a time, and that is written down."""

from collections.abc import Collection
from functools import reduce
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.admin.search import PeopleFirstAdmin
from accounts.permissions import signed_in
from conversations.models import Session, TranscriptReading
from conversations.readings import log_reading

MAY_READ = "conversations.view_message"


class TextAdmin(PeopleFirstAdmin):
    """A list that never shows texts, and pages of one row that show `texts` to who may read transcripts alone."""

    # The fields in which people's own words stand.
    texts: tuple[str, ...] = ()
    # The attributes that lead from a row to its conversation.
    to_session = "session"

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Without the texts for everybody else."""
        hidden = () if request.user.has_perm(MAY_READ) else self.texts
        return [*(super().get_exclude(request, obj) or ()), *hidden]

    @property
    def left_out(self) -> Collection[str]:
        """With the texts, for everybody: a search through them would be a reading that is not written down."""
        return (*super().left_out, *self.texts)

    def render_change_form(  # noqa: PLR0917  as Django has it
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """The page, once the reading is written down."""
        if obj is not None and request.user.has_perm(MAY_READ):
            session: Session = reduce(getattr, self.to_session.split("."), obj)
            log_reading(by=signed_in(request), session=session, how=TranscriptReading.How.ADMIN)
        return super().render_change_form(request, context, add, change, form_url, obj)
