"""One row as a job keeps it, and what the roster's rows come to in sum."""

import uuid
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from accounts.roster import LABELS, Field, Role, RosterRow


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row whose section is known. `problem`: (field, message) of what is wrong with it as it was read."""

    number: int
    email: str = ""
    name: str = ""
    external_id: str = ""
    role: Role | None = None
    section: uuid.UUID | None = None
    active: bool = True
    file: str = ""
    problem: tuple[str, str] | None = None

    @property
    def user_role(self) -> str | None:
        """The role of an account that is made for it; None where the file does not say."""
        if self.role is None:
            return None
        return User.Role.STUDENT if self.role is Role.STUDENT else User.Role.TEACHER

    def to_json(self) -> dict[str, Any]:
        """What a step needs of it, and nothing more."""
        if self.problem:
            return {"number": self.number, "file": self.file, "problem": self.problem}
        data: dict[str, Any] = {"number": self.number, "email": self.email, "name": self.name, "file": self.file}
        data |= {"external_id": self.external_id, "active": self.active}
        return data | {"role": self.role, "section": self.section and str(self.section)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "PlannedRow":
        """The row that `to_json` was asked of."""
        if problem := data.get("problem"):
            return cls(data["number"], file=data["file"], problem=(problem[0], problem[1]))
        role, section = data["role"], data["section"]
        return cls(**{**data, "role": role and Role(role), "section": section and uuid.UUID(section)})

    @classmethod
    def of(cls, row: RosterRow, section: uuid.UUID | None, problem: tuple[str, str] | None) -> "PlannedRow":
        """The row with its section, or with the first thing that is wrong."""
        if row.problems:
            problem = row.problems[0].field, row.problems[0].message
        return cls(
            row.number,
            row.email,
            row.name,
            row.external_id,
            row.role,
            section,
            row.active,
            row.file,
            problem,
        )


def place_of(field: str, file: str) -> str:
    """The field in words for people, with its file where a roster has several."""
    label = str(LABELS[Field(field)]) if field in set(Field) else field
    return ": ".join(part for part in (file, label) if part)
