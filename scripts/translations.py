"""Keeps the translations beside the template that Odoo exports.

    python scripts/translations.py merge TEMPLATE FILE...   take over new and changed entries
    python scripts/translations.py check TEMPLATE FILE...   print what is not translated, or wrongly

A language is complete, but for a region's file beside its language's, such as pt_BR.po beside pt.po: Odoo reads pt.po
first and pt_BR.po over it, so that one holds what a Brazilian would say otherwise, and nothing else.

Needs `polib`, which Odoo needs too, and no database.
"""

import re
import sys
from collections import Counter
from pathlib import Path

import polib

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\{.*?\}\}|\{\w*\}|t-out=\"[^\"]*\"|<t t-[^>]*>")
# With attributes or without: <call reference> is none.
TAG = re.compile(r"</?[a-z][a-z0-9]*(?:\s+[\w-]+=\"[^\"]*\")*\s*/?>")
EDGES = re.compile(r"^\s*|\s*$")


def main(command, template, *files):
    template = polib.pofile(template)
    findings = [finding for file in files for finding in COMMANDS[command](template, file)]
    print("\n".join(findings))
    return 1 if findings else 0


def merge(template, file):
    _merged(template, file).save(file)
    return []


def _merged(template, file):
    translations = polib.pofile(file)
    translations.merge(template)
    is_partial = _language_of_region(file) is not None
    for entry in list(translations):
        if entry.obsolete or (is_partial and not entry.msgstr):
            translations.remove(entry)
        # A guess from a similar sentence is no translation.
        elif entry.fuzzy:
            entry.flags.remove("fuzzy")
            entry.msgstr = ""
            entry.previous_msgid = None
    translations.sort(key=lambda entry: entry.msgid)
    return translations


def _language_of_region(file):
    """Return the file that Odoo reads before this one, or None: pt.po for pt_BR.po."""
    path = Path(file)
    language, _, region = path.stem.partition("_")
    base = path.with_name(f"{language}.po")
    return base if region and base.exists() else None


def check(template, file):
    """Yield what is wrong with a file, each with the file and the entry."""
    path = Path(file)
    name = "/".join(path.parts[-3:])
    try:
        translations = polib.pofile(file)
    except OSError as error:
        yield f"{name}: {error}"
        return
    found = [f"{what}: {msgid[:100]!r}" for what, msgid in _faults(template, translations, _language_of_region(file))]
    if translations.metadata.get("Language") != path.stem:
        found.append(f"the header's Language is not {path.stem}")
    if "nplurals" not in translations.metadata.get("Plural-Forms", ""):
        found.append("the header has no Plural-Forms")
    if not found and str(_merged(template, file)).strip() != path.read_text().strip():
        found.append("is not written as `make pot` writes it")
    yield from (f"{name}: {finding}" for finding in found)


def _faults(template, translations, base):
    sources = {source.msgid for source in template}
    for msgid, count in Counter(entry.msgid for entry in translations).items():
        if count > 1:
            yield "is there more than once", msgid
    entries = {entry.msgid: entry for entry in translations if not entry.obsolete}
    former = {entry.msgid: entry.msgstr for entry in polib.pofile(str(base))} if base else {}
    for msgid in sorted(sources if base is None else sources & entries.keys()):
        entry = entries.get(msgid)
        if entry is None or not entry.translated() or not entry.msgstr.strip():
            yield "not translated", msgid
        elif former.get(msgid) == entry.msgstr:
            yield f"says what {base.name} says; leave it out", msgid
        else:
            for what, pattern in (("placeholders", PLACEHOLDER), ("tags", TAG), ("blanks at its ends", EDGES)):
                if sorted(pattern.findall(msgid)) != sorted(pattern.findall(entry.msgstr)):
                    yield f"other {what} than the original", msgid
    for msgid in sorted(entries.keys() - sources):
        yield "no longer in the template", msgid


COMMANDS = {"merge": merge, "check": check}

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
