"""Forms of rosters: the upload, and how a file is to be read and imported."""

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Section, User
from accounts.roster import DELIMITERS, ENCODINGS, LABELS, Field, Role, Table, is_secret
from accounts.services.rosters import MOST_BYTES, Choices, OpenRoster, Reading

COLUMN = "column-"
MOST_COLUMNS = 100
ENCODING_NAMES = {
    "utf-8": "UTF-8",
    "utf-8-sig": gettext_lazy("UTF-8 with a mark"),
    "utf-16": "UTF-16",
    "utf-16-le": gettext_lazy("UTF-16, little-endian"),
    "utf-16-be": gettext_lazy("UTF-16, big-endian"),
    "cp1252": "Windows-1252",
    "latin-1": "ISO 8859-1",
}
DELIMITER_NAMES = {
    ",": gettext_lazy("commas"),
    ";": gettext_lazy("semicolons"),
    "\t": gettext_lazy("tabs"),
    "|": gettext_lazy("vertical bars"),
}
# Words for what a form cannot send: browsers and proxies may trim a tab.
DELIMITER_KEYS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
ROLES = [
    (Role.STUDENT, gettext_lazy("students")),
    (Role.TEACHER, gettext_lazy("teachers")),
    (Role.ASSISTANT, gettext_lazy("assistants")),
]


class RosterUploadForm(forms.Form):
    """The file, and where its people go."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        max_length=200,
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,.zip,text/csv,text/plain,application/zip"}),
        error_messages={
            "required": gettext_lazy("Choose a file."),
            "empty": gettext_lazy("The file is empty."),
        },
    )
    section = forms.ModelChoiceField(
        label=gettext_lazy("Into"),
        queryset=Section.objects.none(),
        required=False,
        empty_label=gettext_lazy("The sections that the file names"),
        help_text=gettext_lazy("One section for everybody, whatever the file says, or those of the file."),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        section = self.fields["section"]
        assert isinstance(section, forms.ModelChoiceField)  # noqa: S101  narrows the type
        section.queryset = Section.objects.current().visible_to(by)
        self.fields["file"].help_text = _("At most %(limit)s MB and 100,000 rows.") % {"limit": MOST_BYTES // 2**20}


class RosterForm(forms.Form):
    """How an opened roster is read and what its import may do; shows the choices and never refuses one by itself."""

    def __init__(self, *, by: User, opened: OpenRoster, choices: Choices) -> None:
        table = opened.table
        super().__init__(initial=_initial(opened, choices))
        self.mapping: list[forms.BoundField] = []
        self.reading: list[forms.BoundField] = []
        if table is not None:
            columns = _columns(opened, table)
            for field in _asked(choices):
                name = f"{COLUMN}{field}"
                self.fields[name] = forms.ChoiceField(label=str(LABELS[field]), choices=columns)
                self.mapping.append(self[name])
            self._add_reading()
        if by.is_admin and table is not None:
            self.fields["role"] = forms.ChoiceField(label=_("People without a role in the file are"), choices=ROLES)
        if by.is_admin:
            self.fields["rename"] = forms.BooleanField(
                label=_("Names in the portal become those of the file"),
                required=False,
                help_text=_(
                    "Of people and sections already here. Leave it unticked where people chose what they are called."
                ),
            )

    def _add_reading(self) -> None:
        offered: list[tuple[str, str, list[tuple[str, Any]]]] = [
            ("encoding", _("Encoding"), [(name, ENCODING_NAMES[name]) for name in ENCODINGS]),
            ("delimiter", _("Separated by"), [(DELIMITER_KEYS[mark], DELIMITER_NAMES[mark]) for mark in DELIMITERS]),
            ("header", _("The first row"), [("yes", _("names the columns")), ("no", _("is a person"))]),
        ]
        for name, label, choices in offered:
            self.fields[name] = forms.ChoiceField(label=label, choices=choices)
            self.reading.append(self[name])


def _columns(opened: OpenRoster, table: Table) -> list[tuple[str, str]]:
    """The columns that can be chosen, of a very wide table the first and those that are in use."""
    columns = [("", _("not in the file"))]
    for place in range(table.width):
        name = table.header[place] if table.header else ""
        if not is_secret(name) and (place < MOST_COLUMNS or place in opened.columns.values()):
            columns.append((str(place), name[:60] or _("column %(number)s") % {"number": place + 1}))
    return columns


def _asked(choices: Choices) -> list[Field]:
    """The fields whose columns can be chosen: where everybody goes into one section, none of its names matters."""
    places = (Field.SECTION, Field.COURSE_CODE, Field.TERM)
    return [field for field in Field if choices.section is None or field not in places]


def _initial(opened: OpenRoster, choices: Choices) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": choices.role, "rename": choices.rename}
    if opened.table is not None:
        columns: Mapping[Field, int | None] = {**opened.columns, **choices.columns}
        shown |= {f"{COLUMN}{field}": "" if place is None else str(place) for field, place in columns.items()}
        shown |= {"encoding": opened.table.encoding, "delimiter": DELIMITER_KEYS[opened.table.delimiter]}
        shown["header"] = "yes" if opened.table.header else "no"
    return shown


def read_as(opened: OpenRoster) -> str:
    """How a table was read when its columns were shown; choices of columns mean nothing under another reading."""
    table = opened.table
    return f"{table.encoding} {DELIMITER_KEYS[table.delimiter]} {bool(table.header)}" if table else ""


def choices_of(data: Mapping[str, str]) -> Choices:
    """What was chosen on the page, whatever was sent; what cannot be understood counts as not chosen."""
    marks = {key: mark for mark, key in DELIMITER_KEYS.items()}
    encoding, delimiter, header = (data.get(name, "") for name in ("encoding", "delimiter", "header"))
    reading = Reading(
        encoding if encoding in ENCODINGS else "",
        marks.get(delimiter, ""),
        header={"yes": True, "no": False}.get(header),
    )
    columns: dict[Field, int | None] = {}
    if "encoding" not in data or data.get("read_as") == f"{encoding} {delimiter} {reading.header}":
        for field in Field:
            place = data.get(f"{COLUMN}{field}")
            if place is not None:
                columns[field] = int(place) if place.isascii() and place.isdigit() and len(place) < 6 else None
    role = data.get("role", "")
    return Choices(
        reading=reading,
        columns=columns,
        section=_uuid(data.get("section", "")),
        role=Role(role) if role in set(Role) else Role.STUDENT,
        rename=bool(data.get("rename")),
        remove=bool(data.get("remove")),
    )


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
