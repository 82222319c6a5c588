"""Lets Odoo's own test runner find the tests, which live in the repository's `tests` folder.

Where only the addon is installed, there is no such folder, and so there are no tests.
"""

from importlib import import_module
from pathlib import Path

__path__ = [str(Path(__file__).resolve().parents[2] / "tests")]
for _file in sorted(Path(__path__[0]).glob("test_*.py")):
    import_module(f"{__name__}.{_file.stem}")
