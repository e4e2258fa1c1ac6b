"""The `usd` filter: money as people read it."""

from django import template

register = template.Library()


@register.filter
def usd(microusd: int) -> str:
    """Integer micro-dollars as dollars: "$0.0021" below one, "$1,234.50" from there on; "$0", "< $0.0001".

    The currency is the provider's, so that the form stays the same in every language.
    """
    if microusd == 0:
        return "$0"
    if microusd < 100:
        return "< $0.0001"
    if microusd < 999_950:
        return f"${microusd / 1_000_000:.4f}"
    return f"${microusd / 1_000_000:,.2f}"
