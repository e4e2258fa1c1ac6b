"""Corrections: what a teacher heard in a rehearsal and does not want to hear again becomes a rule of the client."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from clients.models import ClientProfile, ClientRule
from clients.prompts import gives_away
from clients.services import ClientRuleError, require_changeable

MOST_RULES = 20


@transaction.atomic
def add_rule(*, by: User, client: ClientProfile, text: str, about: str = "") -> ClientRule:
    """Hold the client to this sentence from the next conversation on; `about` is the reply that called for it.

    Raises NotYoursError, or ClientRuleError for a text that is empty, too long, there already, or gives away a fact
    that takes trust, and where there are too many.
    """
    locked = _locked(by, client)
    text, most = " ".join(text.split()), ClientRule._meta.get_field("text").max_length
    if not text:
        raise ClientRuleError(_("Write the rule first, such as “Never thanks the student for listening.”"))
    if len(text) > (most or 0):
        words = _("A rule can have %(limit)d characters; this one has %(count)d. Shorten it and save again.")
        raise ClientRuleError(words % {"limit": most, "count": len(text)})
    if "\0" in text:
        raise ClientRuleError(_("This text has damaged characters. Type or paste it again."))
    kept = list(locked.rules.all())
    if any(rule.text == text for rule in kept):
        raise ClientRuleError(_("This rule is there already."))
    if len(kept) >= MOST_RULES:
        raise ClientRuleError(
            _("A client can have %(limit)d rules. Remove one that is no longer needed.") % {"limit": MOST_RULES}
        )
    if gives_away(locked.snapshot(), text):
        raise ClientRuleError(
            _("This gives away what the student has to earn, so the model must not read it. Put it without the fact.")
        )
    return ClientRule.objects.create(client=locked, text=text, about=about.replace("\0", "")[:500], written_by=by)


@transaction.atomic
def remove_rule(*, by: User, rule: ClientRule) -> None:
    """Take a rule back; conversations that run go on with it. Raises NotYoursError."""
    _locked(by, rule.client)
    rule.delete()


def _locked(by: User, client: ClientProfile) -> ClientProfile:
    """The client, locked, if this person may correct it: built-in ones too, for admins, as their prompt."""
    locked = ClientProfile.objects.select_for_update().get(pk=client.pk)
    require_changeable(locked, by)
    return locked
