"""All settings, read from the environment; production is the default and `DEMO=true` the one relaxation."""

import secrets
import tempfile
from os import getpid
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from config.env import Reader
from config.schedule import beat_schedule

BASE_DIR = Path(__file__).resolve().parent.parent
read = Reader(BASE_DIR / ".env")

# --- How it runs -----------------------------------------------------------------------------------------------------
# The demo is the portal on one machine for one person: loopback only, plain HTTP, demo accounts. Nothing else relaxes.
DEMO = read.boolean("DEMO", default=False)
DEBUG = read.boolean("DEBUG", default=False)
DATA_DIR = Path(read.text("DATA_DIR", str(BASE_DIR / "var")))
# Where `manage.py backup` puts what it makes.
BACKUP_DIR = Path(read.text("BACKUP_DIR", str(DATA_DIR / "backups")))
# What `manage.py serve` listens on where it is not told by an option; hosting platforms name it.
PORT = read.integer("PORT", 8000, minimum=1, maximum=65_535)
LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]


def _secret_key() -> str:
    """The demo keeps a key of its own, so that sign-ins survive its restart; a real installation must name one."""
    if not DEMO:
        return read.text("SECRET_KEY")
    path = DATA_DIR / "demo-secret-key"
    if not path.exists():
        DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(64))
    return path.read_text()


SECRET_KEY = _secret_key()
if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("SECRET_KEY must be at least 50 random characters.")

RELAXED = DEMO or DEBUG
ALLOWED_HOSTS = LOOPBACK_HOSTS + ([] if DEMO else read.listed("ALLOWED_HOSTS", [] if RELAXED else None))
# Links in mails are built from this and never from a request's Host header.
SITE_URL = read.url("SITE_URL", "http://127.0.0.1:8000" if RELAXED else None, ("http", "https")).rstrip("/")
CSRF_TRUSTED_ORIGINS = read.listed("CSRF_TRUSTED_ORIGINS", [])
WEBSOCKET_ALLOWED_ORIGINS = read.listed("WEBSOCKET_ALLOWED_ORIGINS", []) or ALLOWED_HOSTS
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "config",
    "conversations",
    "clients",
    "accounts",
    "monitoring",
    "config.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "channels",
    "csp",
]

MIDDLEWARE = [
    "config.middleware.ObserveMiddleware",
    "config.middleware.RefuseUnreadableMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.DemoStaysHereMiddleware",
    "accounts.middleware.PersonalSettingsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.school",
                "accounts.context.notifications",
            ],
        },
    },
]
FORM_RENDERER = "config.form_renderer.PortalRenderer"

# --- Data ------------------------------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": read.database("DATABASE_URL", f"sqlite:///{DATA_DIR}/rapport.sqlite3")
}
DATABASE_THREADS = read.integer("DATABASE_THREADS", 4, minimum=1, maximum=64)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # What people say to each other is for nobody else on this machine.
    DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    DATABASES["default"] |= {
        "OPTIONS": {
            # IMMEDIATE: a writer waits at BEGIN instead of failing half-way with "database is locked".
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
        "TEST": {"NAME": str(Path(tempfile.gettempdir()) / f"rapport-test-{getpid()}.sqlite3")},
    }
else:
    given = DATABASES["default"].get("OPTIONS", {})
    if read.boolean("DATABASE_STARTUP_OPTIONS", default=True):
        # PostgreSQL compiles plans that it expects to run for long, which ours never do: a roll-up took a third longer.
        # And it takes every disk for a spinning one, on which rows are slow to look up one by one: for a page of drafts
        # it read all scorings. What the address names comes last, and holds.
        given["options"] = f"-c jit=off -c random_page_cost=1.1 {given.get('options', '')}".strip()
    # Persistent connections and ASGI do not mix; the pool bounds them however many sockets there are.
    DATABASES["default"] |= {
        # Connections that died in the pool, as after a restart of PostgreSQL, are not handed out.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": given
        | {
            "pool": {
                "min_size": read.integer("DATABASE_POOL_MIN", 2, minimum=0, maximum=100),
                "max_size": read.integer("DATABASE_POOL_MAX", 12, minimum=2, maximum=500),
                "timeout": read.seconds("DATABASE_POOL_TIMEOUT", 15.0, minimum=1.0),
            },
        },
    }

REDIS_URL = read.url("REDIS_URL", "", ("redis", "rediss"))
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": str(DATA_DIR / "cache")}
}

MEDIA_ROOT = DATA_DIR / "media"
MEDIA_URL = "media/"
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# A production server serves hashed files made by collectstatic; the demo and the tests serve the tree as it is.
WHITENOISE_USE_FINDERS = RELAXED
WHITENOISE_AUTOREFRESH = RELAXED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if RELAXED
        else "config.statics.HashedStatics"
    },
}

# --- People ----------------------------------------------------------------------------------------------------------
LOGIN_URL = reverse_lazy("login")
LOGIN_REDIRECT_URL = reverse_lazy("home")
LOGOUT_REDIRECT_URL = reverse_lazy("login")
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = read.integer("PASSWORD_RESET_SECONDS", 3 * 86_400, minimum=300)
INVITATION_DAYS = read.integer("INVITATION_DAYS", 14, minimum=1, maximum=365)
SESSION_COOKIE_AGE = read.integer("SIGN_IN_SECONDS", 14 * 86_400, minimum=300)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

vars().update(read.mail("EMAIL_URL", "consolemail://"))
# A mail server that says nothing must not hold a worker for ever.
EMAIL_TIMEOUT = 20
# Without a mail server, links are shown to staff to copy or print instead of being sent.
MAIL_CONFIGURED = bool(read.text("EMAIL_URL", ""))
DEFAULT_FROM_EMAIL = read.text("DEFAULT_FROM_EMAIL", "Rapport <rapport@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Language and time -----------------------------------------------------------------------------------------------
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = read.choice("LANGUAGE_CODE", "en", ("en", "es"))
LANGUAGES = [("en", _("English")), ("es", _("Spanish"))]
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]

# --- Security --------------------------------------------------------------------------------------------------------
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if not RELAXED:
    SECURE_SSL_REDIRECT = read.boolean("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = read.integer("HSTS_SECONDS", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = read.boolean("HSTS_INCLUDE_SUBDOMAINS", default=True)
    SECURE_HSTS_PRELOAD = read.boolean("HSTS_PRELOAD", default=True)
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
# Only behind a proxy that sets X-Forwarded-Proto and X-Forwarded-For itself.
TRUST_PROXY = read.boolean("TRUST_PROXY", default=False)
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = read.integer("UPLOAD_MAX_BYTES", 2 * 2**20, minimum=2**16)

# --- The model that speaks -------------------------------------------------------------------------------------------
ANTHROPIC_API_KEY = read.text("ANTHROPIC_API_KEY", "")
ANTHROPIC_BASE_URL = read.url("ANTHROPIC_BASE_URL", "https://api.anthropic.com", ("http", "https"))
# Keys of the providers that operators add in the admin, each by its name.
PROVIDER_KEYS = {name: key for name, key in read.ending("_API_KEY").items() if name != "ANTHROPIC_API_KEY"}
MODEL_DEFAULT = read.text("MODEL_DEFAULT", "claude-haiku-5-5")
# What a teacher may choose from; each needs a price row, or it is not offered.
MODELS = read.listed("MODELS", [MODEL_DEFAULT, "claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-4-5"])
MODEL_EFFORT = read.choice("MODEL_EFFORT", "low", ("low", "medium", "high"))
# A model's reply is cut here whatever the provider thinks of its tokens.
REPLY_MAX_CHARACTERS = read.integer("REPLY_MAX_CHARACTERS", 16_000, minimum=100, maximum=1_000_000)
REPLY_MAX_TOKENS = read.integer("REPLY_MAX_TOKENS", 400, minimum=16, maximum=8_192)
COST_WARNING_MICROUSD = read.integer("COST_WARNING_MICROUSD", 10_000)
# The provider's clock: only text renews it, since pings are no progress.
REPLY_FIRST_TEXT_SECONDS = read.seconds("REPLY_FIRST_TEXT_SECONDS", 30.0, minimum=0.1)
REPLY_SILENCE_SECONDS = read.seconds("REPLY_SILENCE_SECONDS", 15.0, minimum=0.1)
# Nothing renews this one: it runs from the first text.
REPLY_TOTAL_SECONDS = read.seconds("REPLY_TOTAL_SECONDS", 120.0, minimum=0.1)
# What streams in is gathered for so long, and longer where a process would read more often than this in all.
DELTA_JOIN_SECONDS = read.seconds("DELTA_JOIN_SECONDS", 0.04)
DELTAS_PER_SECOND = read.integer("DELTAS_PER_SECOND", 1_000, minimum=1)
# A call that fails before the first word is made again, at most so often in all, after a pause that doubles.
PROVIDER_CALLS = read.integer("PROVIDER_CALLS", 3, minimum=1, maximum=10)
BACKOFF_FIRST_SECONDS = read.seconds("BACKOFF_FIRST_SECONDS", 0.5, minimum=0.01)
BACKOFF_MAX_SECONDS = read.seconds("BACKOFF_MAX_SECONDS", 8.0, minimum=0.01)
# How many replies one process asks of one model at once; more wait in a visible line, at most so long.
MODEL_CALLS_AT_ONCE = read.integer("MODEL_CALLS_AT_ONCE", 500, minimum=1, maximum=100_000)
QUEUE_SECONDS = read.seconds("QUEUE_SECONDS", 60.0, minimum=0.1)
# After so many faults in a row a model is left alone for a while, then tried by one call at a time.
BREAKER_FAILURES = read.integer("BREAKER_FAILURES", 5, minimum=1)
BREAKER_OPEN_SECONDS = read.seconds("BREAKER_OPEN_SECONDS", 30.0, minimum=0.1)
BREAKER_PROBE_SECONDS = read.seconds("BREAKER_PROBE_SECONDS", 30.0, minimum=0.1)
# Who speaks, in this order, when the chosen model cannot.
FALLBACK_MODELS = read.listed("FALLBACK_MODELS", [])
# Fonts (TrueType or OpenType files) for letters that the portal's own has none for in PDF files, in this order.
PDF_FONTS = read.listed("PDF_FONTS", [])
ERROR_BURST_COUNT = read.integer("ERROR_BURST_COUNT", 20, minimum=1)
ERROR_BURST_SECONDS = read.seconds("ERROR_BURST_SECONDS", 300.0, minimum=1.0)
# Operators are told when one reply in twenty of the last hour took longer than this to begin.
SLOW_FIRST_TEXT_SECONDS = read.seconds("SLOW_FIRST_TEXT_SECONDS", 8.0, minimum=0.1)
SCRIPTED_PIECE_SECONDS = read.seconds("SCRIPTED_PIECE_SECONDS", 0.04)

# --- The conversation ------------------------------------------------------------------------------------------------
MESSAGE_MAX_CHARACTERS = read.integer("MESSAGE_MAX_CHARACTERS", 8_000, minimum=1, maximum=8_000)
FRAME_MAX_BYTES = read.integer("FRAME_MAX_BYTES", 65_536, minimum=1_024)
RESUME_MAX_MESSAGES = read.integer("RESUME_MAX_MESSAGES", 200, minimum=1, maximum=200)
CHECKPOINT_SECONDS = read.seconds("CHECKPOINT_SECONDS", 1.0, minimum=0.05)
WATCH_SECONDS = read.seconds("WATCH_SECONDS", 1.0, minimum=0.05, maximum=2.0)
HEARTBEAT_SECONDS = read.seconds("HEARTBEAT_SECONDS", 3.0, minimum=0.05)
HEARTBEAT_DEAD_SECONDS = read.seconds("HEARTBEAT_DEAD_SECONDS", 10.0, minimum=0.2)
DRAIN_SECONDS = read.seconds("DRAIN_SECONDS", 60.0)
SESSION_IDLE_MINUTES = read.integer("SESSION_IDLE_MINUTES", 120, minimum=1)
WORKER_PULSE_SECONDS = read.seconds("WORKER_PULSE_SECONDS", 5.0, minimum=0.5)
WORKER_DEAD_SECONDS = read.seconds("WORKER_DEAD_SECONDS", 30.0, minimum=1.0)

# --- Background work -------------------------------------------------------------------------------------------------
BROKER_DIR = DATA_DIR / "broker"
CELERY_BROKER_URL = REDIS_URL or "filesystem://"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {}
    if REDIS_URL
    else {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "control_folder": str(BROKER_DIR / "control"),
        "store_processed": False,
    }
)
# A job works so long before others have a turn, is taken over from a worker that was silent for so long, and fails when
# one step broke so often in a row.
JOB_SLICE_SECONDS = read.seconds("JOB_SLICE_SECONDS", 2.0, minimum=0.0)
JOB_DEAD_SECONDS = read.seconds("JOB_DEAD_SECONDS", 60.0, minimum=0.1)
JOB_ATTEMPTS = read.integer("JOB_ATTEMPTS", 3, minimum=1, maximum=100)
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "config.hearts:BeatingScheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = beat_schedule(WORKER_PULSE_SECONDS)

# --- Logs, metrics, error reports (docs/observability.md) ------------------------------------------------------------
LOG_LEVEL = read.choice("LOG_LEVEL", "WARNING", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = read.choice("LOG_FORMAT", "line" if RELAXED else "json", ("line", "json"))
# Whoever shows this token reads /metrics; without one there is no such page.
METRICS_TOKEN = read.text("METRICS_TOKEN", "")
if METRICS_TOKEN and len(METRICS_TOKEN) < 16:
    raise ImproperlyConfigured("METRICS_TOKEN must be at least 16 random characters.")
# Where errors are reported, if anywhere: Sentry's, or what speaks its protocol.
SENTRY_DSN = read.url("SENTRY_DSN", "", ("http", "https"))
SDKS = ("anthropic", "openai")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"discreet": {"()": "monitoring.logs.Discreet"}},
    "formatters": {"line": {"()": "monitoring.logs.Line"}, "json": {"()": "monitoring.logs.JsonLine"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["discreet"]}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # What the portal itself does is worth a line where libraries only warn; who asks for less gets less.
        "rapport": {"level": "INFO" if LOG_LEVEL == "WARNING" else LOG_LEVEL},
        # People at a terminal want to read what happens, not every request.
        "rapport.access": {"level": "NOTSET" if LOG_FORMAT == "json" or LOG_LEVEL in {"DEBUG", "INFO"} else "WARNING"},
        # Django's own would print errors a second time and mail them to nobody.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # At DEBUG these write down whole requests, with what people said.
        **{
            name: {"level": "WARNING"}
            for name in [*SDKS, "httpx2", "httpcore2", "aiohttp", "autobahn", "twisted", "daphne", "redis"]
        },
        "django.db.backends": {"level": "INFO"},
        "django.template": {"level": "INFO"},
    },
}
