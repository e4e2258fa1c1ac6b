"""The words that schools and their systems use for columns and for roles."""

import re
import unicodedata
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Field(StrEnum):
    """What a column of a roster can hold."""

    EMAIL = "email"
    FULL_NAME = "full_name"
    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    EXTERNAL_ID = "external_id"
    ROLE = "role"
    SECTION = "section"
    COURSE_CODE = "course_code"
    TERM = "term"


# What people call them.
LABELS: dict[Field, str | Promise] = {
    Field.EMAIL: _("E-mail address"),
    Field.FULL_NAME: _("Full name"),
    Field.GIVEN_NAME: _("First name"),
    Field.FAMILY_NAME: _("Last name"),
    Field.EXTERNAL_ID: _("Student number"),
    Field.ROLE: _("Role"),
    Field.SECTION: _("Section"),
    Field.COURSE_CODE: _("Course code"),
    Field.TERM: _("Term"),
}


class Role(StrEnum):
    """The part that a person has in a section."""

    STUDENT = "student"
    TEACHER = "teacher"
    ASSISTANT = "assistant"


# As `plain` leaves them: no accents, no case, no signs. Within a field the first that is found wins.
HEADERS: dict[Field, tuple[str, ...]] = {
    Field.EMAIL: (
        "email",
        "e mail",
        "email address",
        "e mail address",
        "emailaddress",
        "mail",
        "school email",
        "student email",
        "university email",
        "preferred email",
        "primary email",
        "correo electronico",
        "correo",
        "correo institucional",
        "direccion de correo",
        "direccion de correo electronico",
        "direccion email",
    ),
    Field.FULL_NAME: (
        "full name",
        "fullname",
        "student name",
        "display name",
        "name",
        "student",
        "sortable name",
        "participant",
        "nombre completo",
        "nombre y apellidos",
        "nombre y apellido",
        "apellidos y nombre",
        "apellido y nombre",
        "apellidos nombre",
        "nombre del estudiante",
        "nombre del alumno",
        "alumno",
        "alumna",
        "alumno a",
        "estudiante",
        "participante",
    ),
    Field.GIVEN_NAME: (
        "given name",
        "given names",
        "givenname",
        "first name",
        "firstname",
        "first",
        "forename",
        "nombre",
        "nombres",
        "nombre s",
        "nombre de pila",
    ),
    Field.FAMILY_NAME: (
        "family name",
        "familyname",
        "last name",
        "lastname",
        "last",
        "surname",
        "apellidos",
        "apellido",
        "apellido s",
        "primer apellido",
    ),
    Field.EXTERNAL_ID: (
        "external id",
        "sis user id",
        "sis id",
        "student id",
        "student number",
        "banner id",
        "id number",
        "idnumber",
        "user id",
        "person id",
        "sourcedid",
        "identifier",
        "matricula",
        "numero de matricula",
        "numero de id",
        "numero de identificacion",
        "numero de expediente",
        "expediente",
        "legajo",
        "id",
    ),
    Field.ROLE: ("role", "roles", "course role", "user role", "role1", "rol", "funcion", "perfil"),
    Field.SECTION: (
        "section name",
        "section",
        "section id",
        "course section",
        "crn",
        "class",
        "class name",
        "group",
        "groups",
        "group1",
        "seccion",
        "clase",
        "grupo",
        "grupos",
    ),
    Field.COURSE_CODE: (
        "course code",
        "course id",
        "course number",
        "course",
        "codigo del curso",
        "codigo de curso",
        "curso",
        "asignatura",
    ),
    Field.TERM: (
        "term",
        "term name",
        "semester",
        "academic term",
        "periodo",
        "semestre",
        "cuatrimestre",
        "trimestre",
    ),
}
KNOWN_HEADERS = frozenset(word for words in HEADERS.values() for word in words)
SECRETS = frozenset({"password", "passwd", "passphrase", "pwd", "contrasena", "clave"})

ROLES: dict[str, Role] = {
    **dict.fromkeys(
        (
            *("student", "students", "studentenrollment", "learner", "pupil", "s"),
            *("alumno", "alumna", "estudiante", "aluno", "aluna", "estudante", "studente", "studentessa"),
            *("etudiant", "etudiante", "eleve", "schuler", "schulerin", "studierende", "studierender", "studentin"),
        ),
        Role.STUDENT,
    ),
    **dict.fromkeys(
        (
            *("teacher", "teacherenrollment", "editingteacher", "instructor", "primary instructor", "lecturer"),
            *("professor", "faculty", "profesor", "profesora", "docente", "maestro", "maestra", "instructora"),
            *("professora", "enseignant", "enseignante", "professeur", "insegnante", "professoressa"),
            *("lehrer", "lehrerin", "dozent", "dozentin"),
        ),
        Role.TEACHER,
    ),
    **dict.fromkeys(
        (
            *("assistant", "ta", "taenrollment", "teaching assistant", "aide", "proctor", "grader"),
            *("non editing teacher", "teacher non editing", "profesor sin permiso de edicion"),
            *("asistente", "ayudante", "auxiliar", "profesor ayudante", "profesora ayudante"),
            *("assistente", "assistant d enseignement", "tutor", "tutora", "tutorin"),
        ),
        Role.ASSISTANT,
    ),
}

EMAIL = re.compile(r"[^\s@,;|<>\"']+@[^\s@,;|<>\"']+\.[^\s@,;|<>\"']+")


def plain(text: str) -> str:
    """Words without case, accents and signs: "Dirección_de E-mail" is "direccion de e mail"."""
    letters = (c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in letters).casefold().split())


def is_header(cell: str) -> bool:
    """Whether the cell is the usual name of a column."""
    return plain(cell) in KNOWN_HEADERS


def is_secret(header: str) -> bool:
    """Whether a column of this name holds passwords."""
    return not SECRETS.isdisjoint(plain(header).split())


def is_email(cell: str) -> bool:
    """Whether the cell looks like an address; `rows` decides whether it is one."""
    return EMAIL.fullmatch(cell.strip()) is not None


def role_of(cell: str) -> Role | None:
    """The role that this word means, in any of the languages known here."""
    return ROLES.get(plain(cell))
