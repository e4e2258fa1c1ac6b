"""The `usd` filter: money as people read it."""

from django import template

from monitoring import pricing

register = template.Library()
usd = register.filter("usd", pricing.usd)
