"""Keeps the translations beside the template that Odoo exports.

    python scripts/translations.py merge TEMPLATE FILE...   take over new and changed entries
    python scripts/translations.py check TEMPLATE FILE...   print what is not translated, or wrongly

Needs `polib`, which Odoo needs too.
"""

import re
import sys

import polib

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\{.*?\}\}|t-out=\"[^\"]*\"|<t t-[^>]*>")


def main(command, template, *files):
    template = polib.pofile(template)
    findings = [finding for file in files for finding in COMMANDS[command](template, file)]
    print("\n".join(findings))
    return 1 if findings else 0


def merge(template, file):
    translations = polib.pofile(file)
    translations.merge(template)
    for entry in list(translations):
        if entry.obsolete:
            translations.remove(entry)
        # A guess from a similar sentence is no translation.
        elif entry.fuzzy:
            entry.flags.remove("fuzzy")
            entry.msgstr = ""
            entry.previous_msgid = None
    translations.sort(key=lambda entry: entry.msgid)
    translations.save(file)
    return []


def check(template, file):
    translations = {entry.msgid: entry for entry in polib.pofile(file)}
    name = file.rpartition("/")[2]
    for source in template:
        entry = translations.get(source.msgid)
        if entry is None or not entry.translated():
            yield f"{name}: not translated: {source.msgid[:100]!r}"
        elif sorted(PLACEHOLDER.findall(source.msgid)) != sorted(PLACEHOLDER.findall(entry.msgstr)):
            yield f"{name}: other placeholders than the original: {source.msgid[:100]!r}"
    for msgid in sorted(translations.keys() - {source.msgid for source in template}):
        yield f"{name}: no longer in the template: {msgid[:100]!r}"


COMMANDS = {"merge": merge, "check": check}

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
