# One image for the web server, the worker and beat; the command says which.
FROM python:3.11-slim AS build
WORKDIR /srv/rapport
COPY requirements.txt ./
RUN python -m venv /srv/venv \
    && /srv/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

FROM python:3.11-slim
ENV PATH=/srv/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/srv/data
RUN useradd --system --uid 10001 --home-dir /srv/data --create-home rapport
WORKDIR /srv/rapport
COPY --from=build /srv/venv /srv/venv
COPY --chown=root:root . .
USER rapport
RUN mkdir -p /srv/data/media
# Names and hashes of static files are fixed here; the settings are placeholders that only this step sees.
RUN SECRET_KEY=placeholder-for-collectstatic-0123456789-0123456789-0123456789 ALLOWED_HOSTS=localhost \
    SITE_URL=http://localhost python manage.py collectstatic --noinput
VOLUME /srv/data/media
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]
