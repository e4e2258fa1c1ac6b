"""What the portal keeps beside people and sections: what they were told, and how the school's own system calls them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin.search import PeopleFirstAdmin
from accounts.models import Notification, NotificationChoice, PersonKey, RosterFile, SectionKey
from monitoring.admin.readonly import ReadOnlyAdmin


@admin.register(Notification)
class NotificationAdmin(PeopleFirstAdmin):
    """What people were told, by person, the last first."""

    list_display = ["user", "kind", "created_at", "read_at", "mailed_at"]
    list_filter = ["kind"]
    list_select_related = ["user"]
    search_help_text = _("The name, address or id of a person.")
    people = ("user",)
    by_uuid = ("pk", "user")
    ordering = ["user", "-created_at"]
    fields = ["user", "kind", "created_at", "read_at", "to_mail", "mailed_at"]


@admin.register(NotificationChoice)
class NotificationChoiceAdmin(PeopleFirstAdmin):
    """What people wish to be told."""

    list_display = ["user", "kind", "in_portal", "by_mail"]
    list_filter = ["kind", "in_portal", "by_mail"]
    list_select_related = ["user"]
    search_help_text = _("The name, address or id of a person.")
    people = ("user",)
    by_uuid = ("user",)
    ordering = ["user", "kind"]


@admin.register(RosterFile)
class RosterFileAdmin(ReadOnlyAdmin):
    """Rosters that were looked at and not imported yet; what is in them only whoever brought them sees."""

    list_display = ["created_at", "name", "owner", "had_passwords"]
    list_select_related = ["owner"]
    date_hierarchy = "created_at"
    search_fields = ["name", "owner__email"]
    search_help_text = _("A file's name, or the address of a person.")
    fields = ["created_at", "name", "owner", "had_passwords"]


@admin.register(PersonKey)
class PersonKeyAdmin(PeopleFirstAdmin):
    """The sourcedIds of people."""

    list_display = ["key", "user"]
    list_select_related = ["user"]
    search_help_text = _("The name, address or id of a person.")
    people = ("user",)
    by_uuid = ("user",)
    ordering = ["key"]


@admin.register(SectionKey)
class SectionKeyAdmin(ReadOnlyAdmin):
    """The sourcedIds of sections."""

    list_display = ["key", "section"]
    list_select_related = ["section"]
    search_fields = ["key", "section__name"]
    search_help_text = _("A sourcedId, or the name of a section.")
    ordering = ["key"]
