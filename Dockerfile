# One image for everything. Without a command it is a whole portal: web server, worker and beat on $PORT, with the database
# that DATABASE_URL names. docker-compose.yml runs each in a container of its own. See docs/hosting.md.
#
# Debian's version decides which PostgreSQL `manage.py backup` speaks with: bookworm brings the client programs of 15.
ARG PYTHON=3.11-slim-bookworm
# With providers that speak chat completions: requirements-chat.txt (docs/providers.md).
ARG REQUIREMENTS=requirements.txt

FROM python:${PYTHON} AS build
ARG REQUIREMENTS
WORKDIR /srv/rapport
COPY ${REQUIREMENTS} ./
RUN python -m venv /srv/venv \
    && /srv/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r ${REQUIREMENTS}

FROM python:${PYTHON}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*
ENV PATH=/srv/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/srv/data PORT=8000
RUN useradd --system --uid 10001 --home-dir /srv/data --create-home rapport
WORKDIR /srv/rapport
COPY --from=build /srv/venv /srv/venv
COPY --chown=root:root . .
USER rapport
# Volumes that are made here belong to this user.
RUN mkdir -p /srv/data/media /srv/data/backups
# Names and hashes of static files are fixed here; the settings are placeholders that only this step sees.
RUN SECRET_KEY=placeholder-for-collectstatic-0123456789-0123456789-0123456789 ALLOWED_HOSTS=localhost \
    SITE_URL=http://localhost python manage.py collectstatic --noinput
VOLUME ["/srv/data/media", "/srv/data/backups"]
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=4)"]
CMD ["python", "manage.py", "run", "--host", "0.0.0.0"]
