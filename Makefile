# `make help` lists the commands. Python's standard library is all that the bootstrap needs.
PYTHON ?= python3
PORT ?= 8069
ARGS ?=
CLOCK ?=
FOR ?=
SEED ?=
export PORT ARGS CLOCK FOR SEED

# `exec`: what stops make must reach the program, not a shell in between.
BOOTSTRAP = exec env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=scripts $(PYTHON) -m bootstrap

.PHONY: help run demo pictures test rest long properties shell bench audit setups peers telephony soak cluster lint format pot openapi clean lock

help:
	@echo "make run     everything, then serve http://localhost:$(PORT) until Ctrl-C   (PORT=, HOST=, LIVE=0: no calls come in, FRESH=1: a new demo)"
	@echo "make demo    the same without serving; leaves the files in build/demo"
	@echo "make pictures  those of the documents, in both languages, of a new demo; ARGS='portal_usage' or ARGS='--lang es' takes some"
	@echo "make test    the tests; ARGS='tests/test_x.py -k y' narrows, CLOCK=2031-12-31T23:30:00Z runs them at that moment"
	@echo "make rest    what CI runs besides: browsers, real telephones, upgrades, servers that are killed, awkward moments; ARGS='-k overview'"
	@echo "make long    tests that take minutes each: upgrades from every version, PostgreSQL 13, the demo at other moments; before a version is released"
	@echo "make properties  wallets in random order against a plain model, and what is read against its rules; FOR=3600 seconds each, SEED=7, ARGS='-k committed'"
	@echo "make shell   an Odoo shell on the demo database; runs a script on standard input"
	@echo "make bench   the benchmarks; ARGS= is passed on"
	@echo "make audit   an auditor's check of both ledgers on generated business; ARGS='--wallets 50 --calls 9000'"
	@echo "make setups  the main flow in every chart, currency, tax, way to pay ... of tests/setups/table.py; ARGS='-k jp' narrows"
	@echo "make peers   Odoo's own tests beside the addon: what fails with it and not without; ARGS='payment_stripe portal' narrows"
	@echo "make telephony  real calls through Asterisk on the demo's wallets, told step by step, until Ctrl-C   (PORT=, CALLS=1)"
	@echo "make soak    a thousand real calls, fifty at once, compared with the ledger; ARGS='--calls 200 --at-once 20'"
	@echo "             ARGS='--crashes 100': everybody's work while Odoo and PostgreSQL are killed; nothing may be lost or doubled"
	@echo "             ARGS='--steady 3600': calls at a steady rate for an hour; memory, waits and locks must stay as they are"
	@echo "make cluster two Odoo servers, HAProxy, PgBouncer, a replica, each killed in turn under load; ARGS='--seconds 60 --rounds 3'"
	@echo "make lint    checks of the code; ARGS=quick does those that take seconds, as pre-commit does"
	@echo "make format  puts Python, scripts, styles and XML into the form that make lint looks for"
	@echo "make pot     renews the translation template, and takes new entries over into i18n/*.po"
	@echo "make openapi renews docs/openapi.json from the methods of the API"
	@echo "make clean   removes build/ and stops the private PostgreSQL"
	@echo "make lock    renews requirements.lock from requirements.in"

run demo pictures test rest long properties shell bench audit setups peers telephony soak cluster lint format pot openapi clean lock:
	@$(BOOTSTRAP) $@
