"""Trying again from something one said."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.permissions import signed_in, students_only
from conversations import branches
from conversations.models import NoticeAcceptance
from conversations.views.notice import ask_first


@students_only
@require_POST
def session_branch(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Go on anew from this message of one's own, in a practice branch; a broken rule is said beside the message."""
    user = signed_in(request)
    message = get_object_or_404(branches.triable_by(user), pk=pk)
    if NoticeAcceptance.needed_by(user):
        return ask_first(request.path)
    try:
        branch = branches.try_again(by=user, message=message)
    except branches.BranchRuleError as error:
        messages.error(request, str(error))
        return redirect(message.place)
    return redirect("session", branch.pk)
