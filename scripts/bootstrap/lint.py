"""Checks of the code that need no database (but for the translation template)."""

import os
import re
import shlex
import shutil
import subprocess
import xml.etree.ElementTree as ET

from . import i18n, npm, oldest_sql, openapi, paths, rooms
from .console import capture, say

DOMAINS = ("pypi", "pythonhosted", "npmjs", "yarnpkg", "debian", "ubuntu")
# Put together here, so that this file does not name what it looks for.
HOSTS = re.compile(r"(?:[\w-]+\.)*(?:" + "|".join(DOMAINS) + r")\.(?:org|com|net)\b", re.I)
# Homes and work folders of a machine; folders that every system has are no secret of one machine.
PLACES = re.compile(r"(?<![\w.$}~])/(?:" + "|".join(["root", "home", "work", "opt", "Users"]) + r")/[\w.]")
BINARY = {".png", ".jpg", ".jpeg", ".gif", ".ico", ".xlsx", ".pdf", ".woff", ".woff2", ".xz"}


def run(setting, arguments):
    """Run all checks, or with ARGS=quick those that take seconds; return 1 when any of them found something."""
    quick = "quick" in (arguments or shlex.split(os.environ.get("ARGS", "")))
    checks = [item for item in CHECKS if not quick or item[1] in QUICK]
    failed = [title for title, check in checks if not _passes(setting, title, check)]
    if failed:
        say("\nlint: " + ", ".join(failed))
        return 1
    say("\nlint: no findings")
    return 0


def _passes(setting, title, check):
    say(f"==> {title}")
    findings = check(setting)
    for finding in findings or []:
        say(f"    {finding}")
    return not findings


def _files(*suffixes):
    """Return the repository's own files, tracked or new, that Git does not ignore."""
    output = capture(["git", "-C", paths.REPO, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    found = [paths.REPO / name for name in sorted(output.split("\0")) if name]
    return [path for path in found if path.is_file() and (not suffixes or path.suffix in suffixes)]


def _call(command, **options):
    """Run a checker that prints its own findings."""
    code = subprocess.call([str(part) for part in command], **{"cwd": paths.REPO, **options})
    return [f"{os.path.basename(str(command[0]))} ended with {code}"] if code else []


def _ruff(setting):
    return _call([setting.python.parent / "ruff", "check", "--quiet", paths.REPO])


def _format(setting, options=("--check",)):
    return _call([setting.python.parent / "ruff", "format", *options, "--quiet", paths.REPO])


def _oca_hooks(setting, *options):
    """OCA's checks of addons, but those that do not fit.

    Hooks fetch files as well, documents are Markdown, prettier writes an XML header without OCA's blank, and polib
    folds the lines of translations as Odoo does.
    """
    addons = [addon.name for addon in i18n.ADDONS]
    programs = setting.python.parent
    translations = [path for path in _files(".po") if path.is_relative_to(paths.ADDON)]
    disabled = "--disable=file-not-used,prefer-readme-rst,xml-header-wrong"
    return [
        *_call([programs / "oca-checks-odoo-module", disabled, *options, *addons]),
        *_call([programs / "oca-checks-po", "--disable=po-pretty-format", *translations]),
    ]


def _prettier(_setting, option="--check"):
    programs = npm.ensure_eslint()
    if not programs:
        return []
    # Modules of Node are found from where they are, not from the file that they are used on.
    plugin = programs.parent / "@prettier/plugin-xml/src/plugin.js"
    files = _files(".js", ".mjs", ".scss", ".xml")
    return _call([programs / "prettier", "--log-level=warn", f"--plugin={plugin}", option, *files])


def write_format(setting, _arguments):
    """Put all files into the form that `run` looks for; return 1 where one cannot be."""
    steps = _format(setting, options=()), _oca_hooks(setting, "--fix"), _prettier(setting, "--write")
    return 1 if any(steps) else 0


def _pylint(setting):
    environment = {**os.environ, "PYTHONPATH": str(setting.source.path)}
    addons = [addon.name for addon in i18n.ADDONS]
    return _call([setting.python, "-m", "pylint", "--rcfile=.pylintrc", *addons], env=environment)


def _mypy(setting):
    command = [setting.python, "-m", "mypy", "--strict", "--no-error-summary", f"--cache-dir={paths.BUILD / 'mypy'}"]
    client = paths.REPO / "clients/python"
    return [
        *_call([*command, "call_wallet_client"], cwd=client),
        *_call(
            [*command, "call_wallet_asterisk"],
            cwd=paths.REPO / "connectors/asterisk",
            env={**os.environ, "MYPYPATH": str(client)},
        ),
    ]


def _xml(_setting):
    findings = []
    for path in _files(".xml", ".svg"):
        try:
            ET.parse(path)
        except ET.ParseError as error:
            findings.append(f"{path.relative_to(paths.REPO)}: {error}")
    return findings


def _javascript(_setting):
    node = shutil.which("node")
    if not node:
        say("    skipped: node is not installed")
        return []
    findings = []
    for path in _files(".js", ".mjs"):
        # Odoo's files are modules without saying so in their names.
        result = subprocess.run(
            [node, "--check", "--input-type=module", "-"], input=path.read_bytes(), capture_output=True
        )
        if result.returncode:
            text = result.stderr.decode(errors="replace").strip()
            findings.append(f"{path.relative_to(paths.REPO)}: {text}")
    return findings


def _eslint(_setting):
    programs = npm.ensure_eslint()
    return _call([programs / "eslint", *_files(".js", ".mjs")]) if programs else []


def _private_addresses(_setting):
    """No file names a package registry's host or a path of somebody's machine."""
    findings = []
    for path in _files():
        if path.suffix in BINARY:
            continue
        text = path.read_text(errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            for pattern in (HOSTS, PLACES):
                match = pattern.search(line)
                if match:
                    where = f"{path.relative_to(paths.REPO)}:{number}"
                    findings.append(f"{where}: names {match.group()}")
    return findings


def _rooms(_setting):
    return list(rooms.check(paths.REPO / "call_wallet"))


def _oldest_sql(_setting):
    """No statement needs a newer PostgreSQL than 13; the check itself and its test name what does."""
    return [
        f"{path.relative_to(paths.REPO)}:{line}: {what} needs PostgreSQL {since}"
        for path in _files(".py")
        if path.stem not in ("oldest_sql", "test_oldest_sql")
        for line, what, since in oldest_sql.findings(path.read_text())
    ]


CHECKS = [
    ("ruff", _ruff),
    ("formatting of Python (repair: make format)", _format),
    ("formatting of scripts, styles and XML (repair: make format)", _prettier),
    ("pylint-odoo", _pylint),
    ("rooms and doors", _rooms),
    ("OCA's hooks (repair: make format)", _oca_hooks),
    ("XML is well-formed", _xml),
    ("JavaScript parses", _javascript),
    ("eslint", _eslint),
    ("No private addresses", _private_addresses),
    ("SQL that PostgreSQL 13 knows", _oldest_sql),
    ("Translations", i18n.findings),
    ("docs/openapi.json", openapi.findings),
    ("Types of the client and the connectors", _mypy),
]
# Those of each commit, see .pre-commit-config.yaml.
QUICK = _ruff, _format, _prettier, _oca_hooks, _xml, _javascript, _eslint, _private_addresses, _oldest_sql, _rooms
