"""Loads `call_wallet/rating` without Odoo, as the package `call_wallet_rating`.

By path: importing `call_wallet` itself would import its models, and so Odoo.
"""

import importlib.util
import sys
from pathlib import Path

NAME = "call_wallet_rating"
FOLDER = Path(__file__).resolve().parents[2] / "call_wallet" / "rating"


def _load():
    spec = importlib.util.spec_from_file_location(
        NAME,
        FOLDER / "__init__.py",
        submodule_search_locations=[str(FOLDER)],
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)


if NAME not in sys.modules:
    _load()
