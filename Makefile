# `make` alone prints what there is.
.DEFAULT_GOAL := help
PY := .venv/bin/python
PYTHON ?= python3
BROWSER ?= 1
export PYTHON BROWSER

.PHONY: help run test lint types shell screenshots check-aimock vendor bench faults
help:
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

run: .venv/.runtime ## starts TuneBell on http://127.0.0.1:8000 (another port: PORT=8001 make run)
	@exec $(PY) manage.py up

test: lint ## lint, then every test with real servers and a browser (without the browser: BROWSER=0)
	@tests/run

lint: types ## style, types, import directions, templates
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --quiet --check .
	@.venv/bin/lint-imports --no-cache --no-logo
	@$(PY) -m djlint --lint --quiet templates

# The type checker loads the settings, and these refuse to be without keys.
types: .venv/.dev ## types only
	@SECRET_KEY=only-for-the-type-checker-never-served FIELD_ENCRYPTION_KEYS=lint:$$(printf 'A%.0s' $$(seq 43)) $(PY) -m mypy

shell: .venv/.runtime ## Python with the models loaded
	@$(PY) manage.py shell

screenshots: .venv/.dev ## pictures of every page, into docs/screenshots
	@requirements/browser
	@$(PY) -m bench.screenshots

check-aimock: .venv/.dev ## follows jobs of a server not written here (needs npm)
	@$(PY) -m pytest -q -s -p no:randomly tests/external/check_aimock.py

bench: .venv/.dev ## measures polling and pages beside their targets (a part: ROW=b, beside MLflow and Trackio: PEERS=1)
	@case "$(ROW)" in c|"") requirements/browser;; esac; $(PY) -m bench $(ROW)

faults: .venv/.dev ## applies known wrong designs to a copy; the tests must fail for each (ROW=F34)
	@ROW=$(ROW) $(PY) -m tests.mutants

vendor: ## fetches the page assets again and compares them with their pins
	@requirements/assets

.venv/.runtime: requirements/runtime.txt requirements/install
	@requirements/install runtime

.venv/.dev: requirements/runtime.txt requirements/dev.txt requirements/install
	@requirements/install dev
