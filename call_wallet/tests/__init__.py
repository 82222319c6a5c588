"""Lets Odoo's own test runner find the tests, which live in the repository's `tests` folder.

Where only the addon is installed, there is no such folder, and so there are no tests.
"""

from . import find
