"""Odoo's command line, which runs the tests of modules that are installed already, and notes what came of each.

Odoo runs tests marked `at_install` while it loads the registry, before the modules that are loaded later: an addon
that stands beside the tested one would not be there yet. Here they run with the others, once all is loaded.
The notes go to the file that CALL_WALLET_PEERS names: {"ran": [...], "skipped": [...], "failed": {test: text}}.
"""

import atexit
import json
import os
import re
import subprocess
import sys

import odoo.cli
from odoo.tests import loader
from odoo.tests.result import OdooTestResult
from odoo.tests.tag_selector import TagsSelector
from odoo.tools import config

POSITIONS = ("at_install", "post_install")
notes = {"ran": [], "skipped": [], "failed": {}}


class EitherPosition(TagsSelector):
    """Chooses the tests of both positions."""

    def __init__(self, spec):
        super().__init__(spec)
        if spec == POSITIONS[1]:
            self.include |= TagsSelector(POSITIONS[0]).include
        elif spec == POSITIONS[0]:
            self.include = set()


class AddonsAlone:
    """Has pylint read the addons that are not Odoo's own; Odoo's take a quarter of an hour."""

    @staticmethod
    def run(command, **options):
        command = [part for part in command if part != config.root_path]
        if command[-1].startswith("--"):  # no addon is left
            return subprocess.CompletedProcess(command, 0, "", "")
        return subprocess.run(command, **options)


class NotingResult(OdooTestResult):
    """Notes what has run, what was skipped and what failed, under names that stay the same from run to run."""

    def startTest(self, test):  # noqa: N802 -- unittest's name
        notes["ran"].append(test.id())
        if test.__class__.__name__ == "TestPyLint":
            sys.modules[test.__module__].subprocess = AddonsAlone
        super().startTest(test)

    def addSkip(self, test, reason):  # noqa: N802 -- unittest's name
        notes["skipped"].append(test.id())
        super().addSkip(test, reason)

    def logError(self, flavour, test, error):  # noqa: N802 -- Odoo's name
        if not self._soft_fail:
            test_id = re.sub(r" object at 0x\w+", "", getattr(test, "test_case", test).id())
            text = self._exc_info_to_string(error, test)
            notes["failed"].setdefault(test_id, []).append(f"{self.getDescription(test)}\n{text}")
        super().logError(flavour, test, error)


def write_notes():
    with open(os.environ["CALL_WALLET_PEERS"], "w") as file:
        json.dump(notes, file, indent=1)


if __name__ == "__main__":
    loader.TagsSelector = EitherPosition
    loader.OdooTestResult = NotingResult
    atexit.register(write_notes)
    odoo.cli.main()
