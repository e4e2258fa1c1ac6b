# Everything a person types to work with Rapport. Needs python3 (3.11 or later, with venv) and make.

PYTHON ?= python3
PORT ?= 8000
VENV ?= .venv
BIN := $(VENV)/bin
# Coverage of the tests and of every process they start, one file each.
export COVERAGE_FILE ?= $(CURDIR)/build/coverage/data
# What a real installation would set, for the checks that look at production's settings; nothing here is a secret.
PRODUCTION := env DEMO=false DEBUG=false SECRET_KEY=lint-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ \
	ALLOWED_HOSTS=portal.school.example SITE_URL=https://portal.school.example DATA_DIR=$(CURDIR)/build/lint DATABASE_URL= REDIS_URL=
SPANISH := config/locale/es/LC_MESSAGES/django

.DEFAULT_GOAL := help
.PHONY: help run backup restore test lint fix bench bench-data bench-lists faults messages

help: ## Show what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.installed ## Serve the demo at http://127.0.0.1:8000 (another port: PORT=8123 make run); Ctrl-C stops it
	@exec env DEMO=true $(BIN)/python manage.py demo --port $(PORT)

backup: $(VENV)/.installed ## Write database and files to one file, while the portal runs (make backup ARGS='--keep 14'; docs/backups.md)
	@$(BIN)/python manage.py backup $(ARGS)

restore: $(VENV)/.installed ## Put a backup back and audit it (make restore ARGS='FILE --replace'; docs/backups.md)
	@$(BIN)/python manage.py restore $(ARGS)

test: $(VENV)/.installed-dev ## Run the tests on SQLite, without servers or a key (some of them: make test ARGS='-k login')
	@rm -rf build/coverage && mkdir -p build/coverage
	@# Not --dist loadfile: pytest-django puts tests that empty tables last, and that order must hold in every worker.
	@# Greenlets are Playwright's; in a server they have made coverage spin when a thread ended (config/tests/portal.py).
	$(BIN)/python -m coverage run --concurrency=thread,greenlet -m pytest -n auto --maxprocesses 4 $(ARGS)

lint: $(VENV)/.installed-dev ## Check style, types, templates, import rules, migrations and production's settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/djlint --quiet --check templates
	$(BIN)/djlint --quiet --lint templates
	$(BIN)/lint-imports
	$(PRODUCTION) $(BIN)/python manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

fix: $(VENV)/.installed-dev ## Put right what tools can: imports, style, formatting of code and templates
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint --quiet --reformat templates || true

bench: $(VENV)/.installed-dev ## Measure streamed chats beside the least relay (more: make bench ARGS='--chats 500 --turns 3')
	$(BIN)/python -m bench $(ARGS)

bench-data: $(VENV)/.installed-dev ## Measure a term of six million messages against its goals (it says how: docs/development.md)
	$(BIN)/python -m bench.data $(ARGS)

bench-lists: $(VENV)/.installed-dev ## Ask every page on the data of a whole school, with times and queries (it says how: docs/development.md)
	$(BIN)/python -m bench.lists $(ARGS)

faults: $(VENV)/.installed-dev ## Kill, cut, flood and starve the portal, with figures (some, or briefly: make faults ARGS='--short A1 A8')
	$(BIN)/python -m bench.faults $(ARGS)

messages: $(VENV)/.installed-dev ## Gather the texts of the interface for translators and compile them (needs gettext)
	$(PRODUCTION) $(BIN)/python manage.py makemessages --locale es --no-location --no-wrap --no-obsolete \
		--ignore $(VENV) --ignore build --ignore var --ignore tests
	@# A fixed date, so that the file changes only when a text does.
	@sed -i.bak 's/^"POT-Creation-Date: .*/"POT-Creation-Date: 2026-01-01 00:00+0000\\n"/' $(SPANISH).po && rm $(SPANISH).po.bak
	msgfmt --check -o $(SPANISH).mo $(SPANISH).po

# The virtual environment is made once and brought up to date whenever a lock file changes.
$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
		echo "Rapport needs Python 3.11 or later, and there is no $(PYTHON) here."; \
		echo "Install it (Debian, Ubuntu: apt install python3 python3-venv), then try again."; exit 1; } >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Rapport needs Python 3.11 or later; $(PYTHON) is `$(PYTHON) -V 2>&1`."; \
		echo "Install a later one, or name it: make run PYTHON=python3.12"; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Rapport needs Python's venv module, and $(PYTHON) comes without it here."; \
		echo "Install it (Debian, Ubuntu: apt install python3-venv), then try again."; exit 1; } >&2
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: requirements.txt $(VENV)/.made
	@echo "Installing what Rapport needs (a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.made
	@echo "Installing what the tests and checks need (a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
