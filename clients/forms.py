"""Forms of clients: the profile, its facts, the prompt, and the filters of the library."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.forms.renderers import get_default_renderer
from django.forms.utils import ErrorDict
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from clients import choices
from clients.models import ClientFact, ClientProfile
from clients.services import PROFILE_FIELDS
from clients.snapshot import Fact
from clients.vocabulary import MAX_TRAITS, MIN_TRAITS

FACTS_MAX = 40
FACT_ROWS_SPARE = 2
WORDINGS_MAX = 12
KEYWORDS_MAX = 30
OWN_WORDS_MAX = 12
OWN_WORDS = _("In your own words, separated by commas.")
# Surface facts come early and real ones late, in the same bands as the library's.
SURFACE_UNLOCK_MAX, REAL_UNLOCK_MIN = 35, 50
UNLOCK_DEFAULT = {ClientFact.Depth.SURFACE: 10, ClientFact.Depth.REAL: 60}


def refuse_unstorable(value: str) -> None:
    """Refuse text that no database keeps: null and half characters of a broken program; raises ValidationError."""
    if any(character == "\0" or 0xD800 <= ord(character) <= 0xDFFF for character in value):
        raise ValidationError(_("This text has damaged characters. Type or paste it again."))


class Text(forms.CharField):
    """Text with plain line ends. The browser does not cut it at the limit: the limit is named, and nothing is lost."""

    default_validators = [refuse_unstorable]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # `refuse_unstorable` says the same in words that are not about bytes.
        self.validators = [one for one in self.validators if not isinstance(one, ProhibitNullCharactersValidator)]

    def to_python(self, value: Any) -> Any:
        """The text with one kind of line end, since prompts made of it must not differ by browser."""
        text = super().to_python(value)
        return text.replace("\r\n", "\n").replace("\r", "\n") if isinstance(text, str) else text

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Without maxlength: it would silently drop the end of a pasted text."""
        return {key: value for key, value in super().widget_attrs(widget).items() if key != "maxlength"}


class Lines(Text):
    """Several texts: one a line, or separated by commas too; cleaned to a list without blanks and repetitions."""

    def __init__(self, *, commas: bool, most: int, longest: int, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.commas, self.most, self.longest = commas, most, longest

    def prepare_value(self, value: Any) -> Any:
        """A list as people type it."""
        return value if isinstance(value, str) or value is None else (", " if self.commas else "\n").join(value)

    def clean(self, value: Any) -> Any:
        """The list of texts; raises ValidationError that names the limit."""
        text: str = super().clean(value)
        parts = (text.replace(",", "\n") if self.commas else text).split("\n")
        found = list(dict.fromkeys(part.strip() for part in parts if part.strip()))
        if len(found) > self.most:
            raise ValidationError(
                _("At most %(most)d, and here are %(found)d."), params={"most": self.most, "found": len(found)}
            )
        for part in found:
            if len(part) > self.longest:
                raise ValidationError(
                    _("At most %(longest)d characters each, and “%(start)s…” has %(length)d."),
                    params={"longest": self.longest, "start": part[:30], "length": len(part)},
                )
        return found


class SuggestInput(forms.TextInput):
    """A text box that offers a fixed list; a chosen name is kept as its code, anything else as written."""

    template_name = "clients/_suggest_input.html"

    def __init__(self, options: choices.Choices) -> None:
        super().__init__(attrs={"autocomplete": "off"})
        self.options = options

    def format_value(self, value: Any) -> str | None:
        """The name of a code."""
        return choices.label(self.options, value) if value else None

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """The code of a name from the list, else what was written."""
        value = super().value_from_datadict(data, files, name)
        return choices.code(self.options, value) if isinstance(value, str) else value

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """With the list beside the box."""
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"]["list"] = f"list-{name}"
        return {**context, "list_id": f"list-{name}", "options": [str(label) for _code, label in self.options]}


class TraitChoices(forms.MultipleChoiceField):
    """The listed traits. Asked for, but not alone: the form counts them together with own words."""

    def validate(self, value: Any) -> None:
        """Nothing chosen here may be enough; what is chosen stands in the list."""
        if value:
            super().validate(value)


class DraftForm:
    """A form that can be shown again as it was sent, without judging what is not finished yet."""

    draft = False
    _errors: ErrorDict | None
    cleaned_data: dict[str, Any]

    def full_clean(self) -> None:
        """No errors while the form is only a draft."""
        if self.draft:
            self._errors, self.cleaned_data = ErrorDict(), {}
            return
        super().full_clean()  # type: ignore[misc]


class ClientForm(DraftForm, forms.ModelForm):
    """A client's profile. `values()` gives what the services take."""

    own_traits = Lines(label=_("Other traits"), commas=True, most=MAX_TRAITS, longest=40, help_text=OWN_WORDS)
    own_issues = Lines(label=_("Other issues"), commas=True, most=OWN_WORDS_MAX, longest=80, help_text=OWN_WORDS)
    traits = TraitChoices(
        label=_("Personality traits"),
        choices=choices.TRAITS,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Choose 2 to 5, here or in your own words below."),
    )
    issues = forms.MultipleChoiceField(
        label=_("Issues"), choices=choices.ISSUES, required=False, widget=forms.CheckboxSelectMultiple
    )
    # The client as it was when the page was opened; see services.update_client.
    revision = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    class Meta:
        model = ClientProfile
        fields = [field for field in PROFILE_FIELDS if field not in ("traits", "issues")]
        field_classes = dict.fromkeys(
            (
                "name", "gender", "pronouns", "race", "reason", "background", "scenario", "challenges", "opening_line",
                "content_note",
            ),
            Text,
        )  # fmt: skip
        widgets = {
            "age": forms.NumberInput(attrs={"min": 1, "max": 120}),
            "gender": SuggestInput(choices.GENDER),
            "race": SuggestInput(choices.RACE),
            "background": forms.Textarea(attrs={"rows": 8}),
            "scenario": forms.Textarea(attrs={"rows": 2}),
            "challenges": forms.Textarea(attrs={"rows": 3}),
            "opening_line": forms.Textarea(attrs={"rows": 2}),
        }
        error_messages = {
            "age": dict.fromkeys(("invalid", "min_value", "max_value"), _("Age is a number from 1 to 120.")),
        }
        help_texts = {
            "background": _(
                "Their life so far, in the third person. Sentences about what they hide are kept back until the "
                "fact is earned."
            ),
            "challenges": _("How they make the conversation difficult."),
            "opening_line": _("What they say first, in their own words."),
            "gender": _("Choose from the list or write your own."),
            "race": _("Choose from the list or write your own."),
        }  # fmt: skip

    def __init__(self, data: Any = None, *, draft: bool = False, **kwargs: Any) -> None:
        self.draft = draft
        client: ClientProfile = kwargs.get("instance") or ClientProfile()
        kwargs["initial"] = {
            "traits": known(client.traits, choices.TRAITS),
            "own_traits": own(client.traits, choices.TRAITS),
            "issues": known(client.issues, choices.ISSUES),
            "own_issues": own(client.issues, choices.ISSUES),
            "revision": client.revision,
        }
        super().__init__(data, **kwargs)

    def clean(self) -> dict[str, Any]:
        """Traits are counted together; a client who speaks first has a line."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not {"traits", "own_traits"} & set(self.errors):
            count = len(self._together("traits"))
            if not MIN_TRAITS <= count <= MAX_TRAITS:
                self.add_error("traits", _("Choose between 2 and 5 traits; here are %(count)d.") % {"count": count})
        if cleaned.get("client_speaks_first") and "opening_line" in cleaned and not cleaned["opening_line"]:
            self.add_error("opening_line", _("A client who speaks first needs an opening line."))
        return cleaned

    def values(self) -> dict[str, Any]:
        """The cleaned profile under the names of `services.PROFILE_FIELDS`."""
        plain = {field: self.cleaned_data[field] for field in self.Meta.fields}
        return {**plain, "traits": self._together("traits"), "issues": self._together("issues")}

    def _together(self, field: str) -> list[str]:
        """Codes from the list, then own words; a word that names a code is that code."""
        listed = getattr(choices, field.upper())
        own_words = [choices.code(listed, word) for word in self.cleaned_data[f"own_{field}"]]
        return list(dict.fromkeys([*self.cleaned_data[field], *own_words]))


def known(values: Iterable[str], listed: choices.Choices) -> list[str]:
    """Those of the values that are codes of the list."""
    return [value for value in values if value in dict(listed)]


def own(values: Iterable[str], listed: choices.Choices) -> list[str]:
    """Those of the values that were written freely."""
    return [value for value in values if value not in dict(listed)]


class FactForm(DraftForm, forms.Form):
    """One fact. A row in which nothing was written is left out."""

    topic = Text(label=_("Topic, such as “rent”"), max_length=80)
    depth = forms.ChoiceField(
        label=_("How deep it lies"),
        choices=[(code, capfirst(label)) for code, label in ClientFact.Depth.choices],
        initial=ClientFact.Depth.SURFACE,
    )
    unlock = forms.IntegerField(
        label=_("Trust needed, in percent"),
        required=False,
        min_value=0,
        max_value=100,
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), _("Trust is a number from 0 to 100.")),
    )
    text = Text(label=_("In the client's own words"), max_length=1_000, widget=forms.Textarea(attrs={"rows": 2}))
    variants = Lines(
        label=_("Other wordings"),
        commas=False,
        most=WORDINGS_MAX,
        longest=1_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line; the client never says the same line twice."),
    )
    keywords = Lines(
        label=_("Words that lead there"),
        commas=True,
        most=KEYWORDS_MAX,
        longest=60,
        help_text=_("Separated by commas. Empty: taken from the topic and the wordings."),
    )

    def __init__(self, *args: Any, draft: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.draft = draft

    def has_changed(self) -> bool:
        """Whether anything was written in this row."""
        return any((self[field].data or "").strip() for field in ("topic", "text", "variants", "keywords"))

    def clean(self) -> dict[str, Any]:
        """Fill in the trust where it was left out, and keep it in the band of its depth."""
        cleaned = self.cleaned_data
        depth, unlock = cleaned.get("depth"), cleaned.get("unlock")
        if depth is None or "unlock" in self.errors:
            return cleaned
        if unlock is None:
            cleaned["unlock"] = UNLOCK_DEFAULT[ClientFact.Depth(depth)]
        elif depth == ClientFact.Depth.SURFACE and unlock > SURFACE_UNLOCK_MAX:
            self.add_error("unlock", _("Something said easily needs at most 35 percent of trust."))
        elif depth == ClientFact.Depth.REAL and unlock < REAL_UNLOCK_MIN:
            self.add_error("unlock", _("Something said only with trust needs at least 50 percent of it."))
        return cleaned

    def fact(self) -> Fact:
        """The fact that the row describes."""
        cleaned = self.cleaned_data
        return Fact(
            topic=cleaned["topic"],
            depth=cleaned["depth"],
            unlock=cleaned["unlock"],
            lines=(cleaned["text"], *[line for line in cleaned["variants"] if line != cleaned["text"]]),
            keywords=tuple(word.lower() for word in cleaned["keywords"]),
        )


class FactFormSet(forms.BaseFormSet):
    """The facts of a client in order, with spare rows; every row may be left blank."""

    form = FactForm
    can_order, can_delete, can_delete_extra, edit_only = False, True, True, False
    min_num, max_num, absolute_max = 0, FACTS_MAX, FACTS_MAX + 1_000
    validate_min, validate_max = False, True
    renderer = get_default_renderer()

    def __init__(self, data: Any = None, *, facts: Sequence[Fact] = (), draft: bool = False) -> None:
        self.extra = len(facts) + FACT_ROWS_SPARE
        super().__init__(
            data, prefix="facts", initial=[self._initial(fact) for fact in facts], form_kwargs={"draft": draft},
            error_messages={"too_many_forms": _("A client can have at most %(num)d facts.") % {"num": FACTS_MAX}},
        )  # fmt: skip

    @staticmethod
    def _initial(fact: Fact) -> dict[str, Any]:
        return {
            "topic": fact.topic,
            "depth": fact.depth,
            "unlock": fact.unlock,
            "text": fact.lines[0],
            "variants": fact.lines[1:],
            "keywords": fact.keywords,
        }

    def initial_form_count(self) -> int:
        """None: a blank row means that there is no fact, wherever it stands."""
        return 0

    def facts(self) -> list[Fact]:
        """The facts of the rows that were written in and not ticked for removal."""
        removed = self.deleted_forms
        return [form.fact() for form in self.forms if form.has_changed() and form not in removed]


class PromptForm(forms.Form):
    """The system prompt as a teacher edits it, and the model that speaks."""

    override = Text(
        label=_("The client's part of the prompt"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 24, "class": "prompt-text", "spellcheck": "false"}),
    )
    revision = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, *args: Any, models: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"] = forms.ChoiceField(
            label=_("Model"), required=False, choices=[("", ""), *((model, model) for model in models)]
        )


class OpeningForm(forms.Form):
    """Open or close a client to a section."""

    section = forms.UUIDField()
    open = forms.BooleanField(required=False)


class FilterForm(forms.Form):
    """The filters of the library; whatever makes no sense is ignored."""

    TABS = [
        ("mine", _("Mine")),
        ("shared", _("From colleagues")),
        ("builtin", _("Built-in")),
        ("archived", _("Archived")),
    ]
    SORTS = [("name", _("Name")), ("-updated_at", _("Last changed")), ("difficulty", _("Difficulty"))]

    tab = forms.ChoiceField(choices=TABS, required=False)
    q = Text(label=_("Search"), required=False, max_length=200)
    domain = forms.ChoiceField(label=_("Field"), choices=[("", _("All fields")), *choices.DOMAIN], required=False)
    difficulty = forms.ChoiceField(label=_("Difficulty"), choices=[("", _("Any")), *choices.DIFFICULTY], required=False)
    language = forms.ChoiceField(label=_("Language"), choices=[("", _("Any")), *choices.LANGUAGE], required=False)
    sort = forms.ChoiceField(label=_("Sorted by"), choices=SORTS, required=False)

    def chosen(self) -> dict[str, str]:
        """The filters that make sense, with the first tab and sort where none was chosen."""
        self.full_clean()
        cleaned = {key: str(value) for key, value in self.cleaned_data.items() if value}
        return {"tab": "mine", "sort": "name", **cleaned}
