"""The settings under test: those of production, with a throwaway key, plain HTTP and a temporary data directory."""

import os
import tempfile

os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "0123456789abcdef" * 4)  # noqa: TID251
os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="rapport-test-"))  # noqa: TID251
os.environ.setdefault("DEBUG", "true")  # noqa: TID251
keys = [name for name in os.environ if name.endswith("_API_KEY")]  # noqa: TID251
for name in (*keys, "ANTHROPIC_BASE_URL", "EMAIL_URL"):
    os.environ.pop(name, None)  # noqa: TID251

from config.settings import *  # noqa: E402, F403

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
