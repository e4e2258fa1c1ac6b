"""Typed readers of environment variables that fail at start with the variable's name."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")


class Reader:
    """Reads settings from the environment (or a `.env` file, which never overrides it).

    Every method raises ImproperlyConfigured naming the variable when it is missing without a default, of the wrong
    type, or out of its range.
    """

    def __init__(self, env_file: Path | None = None) -> None:
        self._env = environ.Env()
        if env_file is not None and env_file.is_file():
            self._env.read_env(str(env_file))

    def text(self, name: str, default: str | None = None) -> str:
        """The variable as text; an empty value counts as missing when there is no default."""
        value: str = self._env.str(name, default="")
        if value:
            return value
        if default is None:
            raise ImproperlyConfigured(f"{name} must be set in the environment.")
        return default

    def ending(self, end: str) -> dict[str, str]:
        """All variables that are set and whose name ends so, by name."""
        known = ((name, value.strip()) for name, value in self._env.ENVIRON.items() if name.endswith(end))
        return {name: value for name, value in known if value}

    def boolean(self, name: str, default: bool) -> bool:
        """True for true, on, yes, 1; False for false, off, no, 0, in any case."""
        value = self.text(name, "").lower()
        if value in {"true", "on", "yes", "1"}:
            return True
        if value in {"false", "off", "no", "0"}:
            return False
        if value:
            raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")
        return default

    def integer(self, name: str, default: int, *, minimum: int = 0, maximum: int = 2**31 - 1) -> int:
        """A whole number from minimum to maximum."""
        return self._number(name, default, int, minimum=minimum, maximum=maximum, noun="a whole number")

    def seconds(self, name: str, default: float, *, minimum: float = 0.0, maximum: float = 86_400.0 * 366) -> float:
        """A length of time in seconds, fractions allowed, from minimum to maximum."""
        return self._number(name, default, float, minimum=minimum, maximum=maximum, noun="a number of seconds")

    def listed(self, name: str, default: list[str] | None = None) -> list[str]:
        """Comma-separated values, blanks around them dropped."""
        value = self.text(name, None if default is None else ",".join(default))
        return [part.strip() for part in value.split(",") if part.strip()]

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed words."""
        value = self.text(name, default)
        if value not in allowed:
            raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
        return value

    def url(self, name: str, default: str | None, schemes: tuple[str, ...]) -> str:
        """A URL with one of the schemes, or "" when unset and the default is ""."""
        value = self.text(name, default)
        if value and urlsplit(value).scheme not in schemes:
            raise ImproperlyConfigured(f"{name} must be a URL that begins with {' or '.join(schemes)}.")
        return value

    def mail(self, name: str, default: str) -> dict[str, object]:
        """Django's EMAIL_* settings from a URL such as smtp+tls://user:password@host:587."""
        url = self.text(name, default)
        if urlsplit(url).scheme not in self._env.EMAIL_SCHEMES:
            raise ImproperlyConfigured(f"{name} is not a mail URL such as smtp+tls://user:password@host:587.")
        return dict(self._env.email_url_config(url))

    def database(self, name: str, default: str) -> dict[str, object]:
        """Django's DATABASES entry from a postgres:// or sqlite:// URL."""
        url = self.url(name, default, ("postgres", "postgresql", "sqlite"))
        return dict(self._env.db_url_config(url))

    def _number(
        self, name: str, default: T, kind: Callable[[str], T], *, minimum: float, maximum: float, noun: str
    ) -> T:
        text = self.text(name, "")
        try:
            value = kind(text) if text else default
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} must be {noun}, not {text!r}.") from error
        if not minimum <= value <= maximum:  # type: ignore[operator]
            raise ImproperlyConfigured(f"{name} must be between {minimum:g} and {maximum:g}, not {text}.")
        return value
