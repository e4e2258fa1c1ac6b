#!/usr/bin/env python3
"""Django's command line for Rapport."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # It names the setting; the way there helps nobody.
        sys.exit(str(error))
