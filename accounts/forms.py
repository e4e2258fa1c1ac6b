"""Forms of sign-in, passwords, profile, invitations, sections and notifications."""

import zoneinfo
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm, SetPasswordMixin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.backends import demo_allowed
from accounts.models import Notification, School, Section, SectionTeacher, StudentDetails, Term, User
from accounts.services.notifications import Ways
from monitoring.limits import LimitReachedError

LOGO_KINDS = {"PNG", "JPEG", "GIF", "WEBP"}


class LogoField(forms.ImageField):
    """An image that every browser shows; refuses other kinds and anything above a megabyte."""

    def to_python(self, data: Any) -> Any:
        """The checked upload, or None."""
        image: Any = super().to_python(data)
        if image is not None and image.image.format not in LOGO_KINDS:
            raise ValidationError(_("Use a PNG, JPEG, GIF or WebP image."))
        if image is not None and image.size > 2**20:
            raise ValidationError(_("Use an image of at most 1 MB."))
        return image


class SignInForm(AuthenticationForm):
    """E-mail and password, with plain words when they do not fit."""

    username = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    error_messages = {
        "invalid_login": gettext_lazy(
            "This e-mail address and password do not fit together. Check both, or ask for a new password below."
        ),
        "demo": gettext_lazy("Demo accounts work only in the demo, and only on the computer that runs it."),
    }

    # Whole seconds until an attempt is let in again; 0 while attempts are.
    retry_after = 0

    def clean(self) -> dict[str, Any]:
        """Look at the password, unless it was guessed at too often."""
        try:
            return super().clean()
        except LimitReachedError as reached:
            self.retry_after = reached.retry_after
            raise ValidationError(str(reached), code="limit") from reached

    def get_invalid_login_error(self) -> ValidationError:
        """Say that a demo account is refused here, which no change of password would mend."""
        email = self.cleaned_data["username"].lower()
        if not demo_allowed(self.request) and User.objects.filter(email=email, is_demo=True).exists():
            return ValidationError(self.error_messages["demo"], code="demo")
        return ValidationError(self.error_messages["invalid_login"], code="invalid_login")


class SendResetForm(PasswordResetForm):
    """Asks for the address to which a reset link is mailed."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )

    def get_users(self, email: str) -> "QuerySet[User]":
        """The active account with this address, also one that has no password yet; never a demo account."""
        return User.objects.filter(email=email.lower(), is_active=True, is_demo=False)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Mail the link, which names the site by SITE_URL and never by the request's Host header."""
        site = urlsplit(settings.SITE_URL)
        kwargs |= {"domain_override": f"{site.netloc}{site.path}", "use_https": site.scheme == "https"}
        super().save(*args, **kwargs)


class AcceptForm(SetPasswordMixin, forms.Form):
    """Name and password of someone who accepts an invitation."""

    display_name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=150,
        help_text=gettext_lazy("As your teachers and fellow students know you."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password1, password2 = SetPasswordMixin.create_password_fields(
        gettext_lazy("Password"), gettext_lazy("The same password once more")
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email
        self.fields["password2"].help_text = ""

    def clean(self) -> dict[str, Any]:
        """Both passwords are the same and pass the rules, which know name and address."""
        self.validate_passwords()
        user = User(email=self.email, display_name=self.cleaned_data.get("display_name", ""))
        self.validate_password_for_user(user, "password1")
        return self.cleaned_data


class ProfileForm(forms.ModelForm):
    """What people change about themselves: name, time zone, language, and students their pronouns."""

    pronouns = forms.CharField(
        label=gettext_lazy("Pronouns"),
        max_length=50,
        required=False,
        help_text=gettext_lazy("Your teachers see them. Leave this empty if you prefer."),
    )

    class Meta:
        model = User
        fields = ["display_name", "time_zone", "language"]
        labels = {"display_name": gettext_lazy("Your name")}
        help_texts = {"time_zone": "", "language": ""}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"] = forms.ChoiceField(
            label=_("Time zone"), required=False, choices=time_zone_choices(self.instance.time_zone)
        )
        self.fields["language"] = forms.ChoiceField(
            label=_("Language"), required=False, choices=[("", _("The same as my browser")), *settings.LANGUAGES]
        )
        if self.instance.is_student:
            self.initial["pronouns"] = self._details().pronouns
        else:
            del self.fields["pronouns"]

    def save(self, commit: bool = True) -> User:
        """The saved user; a student's pronouns go to the details."""
        user: User = super().save(commit)
        if "pronouns" in self.cleaned_data:
            StudentDetails.objects.update_or_create(student=user, defaults={"pronouns": self.cleaned_data["pronouns"]})
        return user

    def _details(self) -> StudentDetails:
        return StudentDetails.objects.filter(student=self.instance).first() or StudentDetails(student=self.instance)


def time_zone_choices(current: str) -> list[tuple[str, Any]]:
    """Choices grouped by continent, with the school's zone as the empty one; a stored odd name stays choosable."""
    regions = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
    groups: dict[str, list[tuple[str, str]]] = {region: [] for region in regions}
    for name in sorted(zoneinfo.available_timezones()):
        region, _slash, place = name.partition("/")
        if place and region in groups:
            groups[region].append((name, place.replace("_", " ").replace("/", ", ")))
    known = {name for group in groups.values() for name, _place in group}
    odd = [(current, current)] if current and current not in known and current != "UTC" else []
    schools = _("The same as my school (%(zone)s)") % {"zone": School.current().time_zone}
    return [("", schools), *odd, ("UTC", "UTC"), *groups.items()]


class InvitationForm(forms.Form):
    """Whom to invite, as what, and where to; teachers invite only students into their sections."""

    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)
    display_name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=150,
        required=False,
        help_text=gettext_lazy("They can change it when they accept."),
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=User.Role.choices, initial=User.Role.STUDENT)
    section = forms.ModelChoiceField(
        label=gettext_lazy("Section"), queryset=Section.objects.none(), required=False, empty_label=gettext_lazy("None")
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        section = self.fields["section"]
        assert isinstance(section, forms.ModelChoiceField)  # noqa: S101  narrows the type
        section.queryset = Section.objects.current().filled_by(by)
        if by.is_teacher:
            del self.fields["role"]
            section.required, section.empty_label = True, _("Choose a section")
            taught = list(section.queryset[:2])
            section.initial = taught[0] if len(taught) == 1 else None
        elif not by.is_superuser:
            role = self.fields["role"]
            assert isinstance(role, forms.ChoiceField)  # noqa: S101  narrows the type
            role.choices = [choice for choice in User.Role.choices if choice[0] not in User.STAFF_ROLES]


class PasswordLinkForm(forms.Form):
    """For whom a one-time password link is made."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address of the person"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        self.user: User | None = None

    def clean_email(self) -> str:
        """The address of a person whom the acting user may see."""
        email: str = self.cleaned_data["email"].lower()
        self.user = User.objects.visible_to(self.by).filter(email=email).first()
        if self.user is None:
            raise ValidationError(_("There is nobody with this address among the people you look after."))
        return email


class TeacherByEmailField(forms.EmailField):
    """The address of a teacher; cleans to the account, None for an empty one."""

    def clean(self, value: Any) -> Any:
        """The teacher with this address; raises ValidationError for one that no active teacher has."""
        email: str = super().clean(value).lower()
        teacher = User.objects.filter(email=email, role=User.Role.TEACHER, is_active=True).first()
        if email and teacher is None:
            raise ValidationError(_("No teacher has this address. Check it, or ask an admin to invite the person."))
        return teacher


class SectionForm(forms.ModelForm):
    """What a section is called and when it runs; an admin who creates one names who leads it."""

    lead = TeacherByEmailField(
        label=gettext_lazy("E-mail address of the lead"),
        max_length=254,
        help_text=gettext_lazy("The teacher who decides about this section. More teachers can be added afterwards."),
    )

    class Meta:
        model = Section
        fields = ["name", "course_code", "term", "starts_on", "ends_on"]
        widgets = {
            name: forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d") for name in ("starts_on", "ends_on")
        }
        help_texts = {
            "name": gettext_lazy("As students know it, such as “Interviewing skills, Tuesday group”."),
            "course_code": gettext_lazy("Such as “SW 210”."),
        }

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # By its name, which is unique: numbers of rows stay on the server.
        self.fields["term"] = forms.ModelChoiceField(
            label=_("Term"), queryset=Term.objects.all(), required=False, to_field_name="name", empty_label=_("None")
        )
        self.initial["term"] = self.instance.term
        if by.is_teacher or not self.instance._state.adding:
            del self.fields["lead"]


class SectionFilter(forms.Form):
    """What the list of sections shows: words, a term, current or archived ones."""

    q = forms.CharField(label=gettext_lazy("Search by name or course code"), required=False, max_length=200)
    term = forms.ModelChoiceField(
        label=gettext_lazy("Term"),
        queryset=Term.objects.all(),
        required=False,
        to_field_name="name",
        empty_label=gettext_lazy("All terms"),
    )

    def chosen(self) -> dict[str, Any]:
        """What was chosen and can be understood: `q` and `term` (a Term), only those that are set."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class StudentFilter(forms.Form):
    """Which students of a section are shown."""

    q = forms.CharField(label=gettext_lazy("Search by name or address"), required=False, max_length=200)

    def words(self) -> str:
        """What was typed, "" where it cannot be looked for."""
        self.is_valid()
        return str(self.cleaned_data.get("q", ""))


class SectionTeacherForm(forms.Form):
    """Who is to teach a section too, and as what."""

    teacher = TeacherByEmailField(
        label=gettext_lazy("E-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    part = forms.ChoiceField(
        label=gettext_lazy("Part"),
        choices=[
            (SectionTeacher.Part.ASSISTANT, gettext_lazy("Assistant")),
            (SectionTeacher.Part.LEAD, gettext_lazy("Lead")),
        ],
    )


class JoinForm(forms.Form):
    """The code of a section."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        help_text=gettext_lazy("Eight letters from your teacher, such as BDFH-KMRT. Small letters are fine."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "class": "code-entry"}
        ),
        error_messages={"required": gettext_lazy("Enter the code that your teacher gave you.")},
    )


class TeacherChoice(forms.ModelChoiceField):
    """A teacher among all, told apart from namesakes by the address."""

    def label_from_instance(self, obj: Any) -> str:
        """Name and address."""
        return f"{obj.display_name} · {obj.email}"


class TransferForm(forms.Form):
    """Who receives everything that a leaving teacher owns."""

    receiving = TeacherChoice(label=gettext_lazy("Receiving teacher"), queryset=User.objects.none())

    def __init__(self, *args: Any, leaving: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        receiving = self.fields["receiving"]
        assert isinstance(receiving, forms.ModelChoiceField)  # noqa: S101  narrows the type
        receiving.queryset = User.objects.filter(role=User.Role.TEACHER, is_active=True).exclude(pk=leaving.pk)


class NotificationForm(forms.Form):
    """Where a person wants to be told, with two switches for each kind."""

    def __init__(self, *args: Any, ways: Mapping[Notification.Kind, Ways], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds = list(ways)
        for kind, way in ways.items():
            self.fields[f"{kind}-portal"] = self._switch(kind, gettext_lazy("in the portal"), on=way.in_portal)
            self.fields[f"{kind}-mail"] = self._switch(kind, gettext_lazy("by mail"), on=way.by_mail)

    def _switch(self, kind: Notification.Kind, where: Any, *, on: bool) -> forms.BooleanField:
        name = format_lazy("{kind}, {where}", kind=kind.label, where=where)
        return forms.BooleanField(
            required=False, initial=on, label=where, widget=forms.CheckboxInput(attrs={"aria-label": name})
        )

    def rows(self) -> list[tuple[Any, forms.BoundField, forms.BoundField]]:
        """Each kind in words with its two switches."""
        return [(kind.label, self[f"{kind}-portal"], self[f"{kind}-mail"]) for kind in self.kinds]

    def ways(self) -> dict[Notification.Kind, Ways]:
        """What was chosen; asked after `is_valid`."""
        sent = self.cleaned_data
        return {kind: Ways(sent[f"{kind}-portal"], sent[f"{kind}-mail"]) for kind in self.kinds}
