"""`manage.py setup_school`: the school, its term and its first admin; run it again to change the school."""

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models, transaction

from accounts import services
from accounts.forms import LogoField
from accounts.models import School, Term, User

SCHOOL = {
    "name": "name of the school",
    "time_zone": "time zone, such as Europe/Madrid",
    "support_contact": "whom people ask for support",
}
TERM = {
    "term_name": "name of the term",
    "term_starts": "first day of the term, as 2026-09-01",
    "term_ends": "last day of the term, as 2026-12-20",
}
ADMIN = {"admin_email": "e-mail address of the admin", "admin_name": "name of the admin"}
FACTS = {**SCHOOL, **TERM, **ADMIN}


class Command(BaseCommand):
    """Sets up a real installation, by options, or by questions where a person sits at the terminal."""

    help = "Set the school's name, logo, time zone, support contact and term, and make the first admin. Re-runnable."

    def add_arguments(self, parser: CommandParser) -> None:
        """One option per fact; none is required, since a later run may change only one."""
        for name, meaning in FACTS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", default="", help=meaning)
        parser.add_argument("--logo", type=Path, help="a PNG, JPEG, GIF or WebP file of at most 1 MB")
        parser.add_argument(
            "--no-input", action="store_true", help="ask nothing; the admin's password by a printed link"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write everything, or nothing and raise CommandError naming the field that is wrong."""
        asking = sys.stdin.isatty() and not options["no_input"]
        if asking:
            self._ask(options)
        with transaction.atomic():
            school = self._save_school(options)
            self._save_term(options)
            admin = self._new_admin(options)
            link = None
            if admin is not None and not (asking and self._set_password(admin)):
                link = services.issue_password_link(by=admin, user=admin)
        if _admins().exists():
            self.stdout.write(self.style.SUCCESS(f"{school.name} is set up."))
        else:
            self.stdout.write(
                f"What you said about {school.name} is saved. There is no admin yet, so nobody can sign in."
            )
            self.stdout.write("Run this again with --admin-email and --admin-name.")
        if link is not None:
            self.stdout.write(
                f"{link.email} sets a password by this link, once, until {link.expires_at:%d %B %H:%M} UTC:"
            )
            self.stdout.write(link.url)

    def _ask(self, options: dict[str, Any]) -> None:
        """Ask for what the options leave open; what was answered stays when a later answer does not fit."""
        school = School.current()
        for name in SCHOOL:
            self._question(options, name, _fits(School, name), getattr(school, name))
        latest = Term.objects.first()
        self._question(options, "term_name", _unless_empty(_fits(Term, "name")), latest.name if latest else "")
        if options["term_name"] and not Term.objects.filter(name=options["term_name"]).exists():
            self._question(options, "term_starts", _fits(Term, "starts_on"))
            self._question(options, "term_ends", lambda day: _check_last_day(options["term_starts"], day))
        if options["admin_email"] or not _admins().exists():
            self._question(options, "admin_email", _unless_empty(_check_admin_email))
            if options["admin_email"] and not User.objects.filter(email=options["admin_email"].lower()).exists():
                self._question(options, "admin_name", _fits(User, "display_name"))

    def _question(self, options: dict[str, Any], name: str, check: Callable[[str], object], current: str = "") -> None:
        """Ask again until the answer passes the check; an empty answer is what is there already."""
        meaning = FACTS[name]
        hint = f" [{current}]" if current else ""
        while True:
            answer = options[name] or input(f"{meaning[0].upper()}{meaning[1:]}{hint}: ").strip() or current
            try:
                check(answer)
            except ValidationError as error:
                if options[name]:
                    raise CommandError(f"{name}: {' '.join(error.messages)}") from error
                self.stderr.write(" ".join(error.messages))
            else:
                options[name] = answer
                return

    def _save_school(self, options: dict[str, Any]) -> School:
        school = School.current()
        for name in SCHOOL:
            setattr(school, name, options[name] or getattr(school, name))
        _check(school)
        if options["logo"] is not None:
            self._replace_logo(school, options["logo"])
        school.save()
        return school

    def _replace_logo(self, school: School, path: Path) -> None:
        try:
            with path.open("rb") as stream:
                logo = LogoField().clean(File(stream, name=path.name))
                old = school.logo.name
                school.logo.save(path.name, logo, save=False)
        except OSError as error:
            raise CommandError(f"logo: {path} cannot be read ({error.strerror}).") from error
        except ValidationError as error:
            raise CommandError(f"logo: {' '.join(error.messages)}") from error
        if old:
            school.logo.storage.delete(old)

    def _save_term(self, options: dict[str, Any]) -> None:
        if not options["term_name"]:
            return
        term = Term.objects.filter(name=options["term_name"]).first() or Term(name=options["term_name"])
        term.starts_on = options["term_starts"] or term.starts_on
        term.ends_on = options["term_ends"] or term.ends_on
        _check(term, {"name": "term_name", "starts_on": "term_starts", "ends_on": "term_ends", "__all__": "term_ends"})
        term.save()

    def _new_admin(self, options: dict[str, Any]) -> User | None:
        """The admin whom the options name if that account is new, with every right and no password yet."""
        email = options["admin_email"].lower()
        if not email:
            return None
        try:
            _check_admin_email(email)
        except ValidationError as error:
            raise CommandError(f"admin_email: {' '.join(error.messages)}") from error
        if User.objects.filter(email=email).exists():
            return None
        user = User(email=email, display_name=options["admin_name"], role=User.Role.ADMIN, is_superuser=True)
        user.set_unusable_password()
        _check(user, {"email": "admin_email", "display_name": "admin_name"})
        user.save()
        return user

    def _set_password(self, admin: User) -> bool:
        """Ask for a password until it passes the rules; False if the person prefers a link."""
        while password := getpass.getpass("Password of the admin (leave empty for a one-time link): "):
            try:
                validate_password(password, admin)
            except ValidationError as error:
                self.stderr.write("\n".join(error.messages))
                continue
            if password != getpass.getpass("The same password once more: "):
                self.stderr.write("The two passwords differ.")
                continue
            admin.set_password(password)
            admin.save()
            return True
        return False


def _admins() -> Any:
    return User.objects.filter(role=User.Role.ADMIN, is_demo=False)


def _fits(model: type[models.Model], name: str) -> Callable[[str], object]:
    """The check of one field of a model; it raises ValidationError."""
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)  # noqa: S101  narrows the type
    return lambda value: field.clean(value, None)


def _unless_empty(check: Callable[[str], object]) -> Callable[[str], object]:
    """The same check for what may be left out."""
    return lambda value: check(value) if value else None


def _check_last_day(first: str, last: str) -> None:
    if _fits(Term, "ends_on")(last) < _fits(Term, "starts_on")(first):  # type: ignore[operator]
        raise ValidationError("The last day must not be before the first.")


def _check_admin_email(email: str) -> None:
    """An address for a new account, or that of an admin who has every right; raises ValidationError."""
    User._meta.get_field("email").clean(email, None)
    user = User.objects.filter(email=email.lower()).first()
    if user is not None and not user.is_superuser:
        raise ValidationError(f"{email} has an account already, as {user.role}.")


def _check(row: School | Term | User, options: dict[str, str] | None = None) -> None:
    """Validate a row; raises CommandError that names the option which is wrong."""
    try:
        row.full_clean()
    except ValidationError as error:
        names = options or {}
        lines = [f"{names.get(name, name)}: {' '.join(words)}" for name, words in error.message_dict.items()]
        raise CommandError("\n".join(lines)) from error
