"""How fast work goes and how long it will take, in words."""

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()


@register.filter
def pace(rate: float | None) -> str:
    """Rows a second in words, a minute where it is slow; "" for None."""
    if rate is None:
        return ""
    if rate >= 1:
        return _("%(count)d a second") % {"count": round(rate)}
    return _("%(count)d a minute") % {"count": round(rate * 60)}


@register.filter
def left(seconds: float | None) -> str:
    """How long that is, rounded to what matters to somebody who waits; "" for None."""
    if seconds is None:
        return ""
    if seconds < 90:
        count = max(1, round(seconds))
        return ngettext("%(count)d second", "%(count)d seconds", count) % {"count": count}
    if seconds < 90 * 60:
        count = round(seconds / 60)
        return ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}
    count = round(seconds / 3_600)
    return ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}
