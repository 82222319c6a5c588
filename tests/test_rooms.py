"""The house rules that `make lint` checks: each is broken once, in a small addon, and found."""

import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO / "scripts"))
from bootstrap import rooms  # noqa: E402 -- found by the path above

sys.path.pop(0)

MANIFEST = '{{"assets": {{"web.assets_frontend": ["addon/static/src/{folder}/**/*"]}}}}'
MODEL = "class {name}(models.Model):\n    _{how} = '{model}'\n\n"
SOUND = {
    "__manifest__.py": MANIFEST.format(folder="portal"),
    "models/__init__.py": "from . import (\n    wallet,\n    topup,\n)\n",
    "models/wallet/__init__.py": "from . import call_wallet\n",
    "models/wallet/call_wallet.py": MODEL.format(name="Wallet", how="name", model="call.wallet")
    + "    def pay(self):\n        with door(self.env):\n            self._pay()\n",
    "models/topup/__init__.py": "from . import call_wallet\n",
    "models/topup/call_wallet.py": "from ..wallet.call_wallet import Wallet\n\n"
    + MODEL.format(name="Order", how="inherit", model="call.wallet")
    + "    @worker\n    def _order(self):\n        with books_door(self.env):\n            pass\n",
    "tools/door.py": "def leave(env):\n    env.cr.rollback()\n",
    "controllers/portal.py": "class Page(CustomerPortal):\n    def page(self):\n        pass\n",
    "static/src/portal/page.js": 'import { money } from "@call_wallet/common/money";\n',
    "static/src/backend/screen.js": 'import { money } from "@call_wallet/common/money";\n',
    "static/src/common/money.js": "export const money = 1;\n",
}
AGAIN = MODEL.format(name="Again", how="inherit", model="call.wallet")
PLANTED = {
    "a second class of a model in a room": (
        {"models/topup/other.py": AGAIN},
        "call.wallet has a class in the room topup already",
    ),
    "a file that is not named after its model": (
        {"models/topup/orders.py": MODEL.format(name="Terms", how="name", model="call.wallet.terms")},
        "a file is named after its model",
    ),
    "too many classes of the busiest model": (
        {f"models/wallet/part{number}.py": AGAIN for number in range(11)},
        "call.wallet: 13 classes; 12 at most",
    ),
    "a method overridden inside the addon": (
        {"models/topup/call_wallet.py": AGAIN + "    def pay(self):\n        return super().pay()\n"},
        "pay of call.wallet is defined in models/",
    ),
    "a controller's method overridden inside the addon": (
        {"controllers/more.py": "class More(Page):\n    def page(self):\n        return super().page()\n"},
        "page overrides Page's",
    ),
    "a transaction opened behind a door": (
        {
            "models/topup/call_wallet.py": AGAIN
            + "    def _pay(self):\n        with door(self.env):\n            pass\n"
        },
        "_pay is no door, and opens one",
    ),
    "a commit outside of the doors": (
        {"models/topup/call_wallet.py": AGAIN + "    def order(self):\n        self.env.cr.commit()\n"},
        "commit outside of tools/door.py",
    ),
    "an override of Odoo's that the page of architecture does not list": (
        {
            "models/topup/account_move.py": MODEL.format(name="Move", how="inherit", model="account.move")
            + "    def _post(self, soft=True):\n        return super()._post(soft)\n"
        },
        "account.move _post overrides Odoo's",
    ),
    "a room that takes from one that builds on it": (
        {"models/wallet/res_partner.py": "from ..topup.call_wallet import Order\n"},
        "wallet imports from topup, which builds on it",
    ),
    "a pure module that takes from a room": (
        {"tools/clock.py": "from ..models.wallet.call_wallet import Wallet\n"},
        "tools imports from wallet, which builds on it",
    ),
    "a room that takes from a wizard": (
        {"models/topup/res_partner.py": "from ...wizards.pause import Pause\n"},
        "topup imports from wizards, which builds on it",
    ),
    "a drawn way by a method that has gone": (
        {"../docs/architecture.md": "```\n topup/call_wallet   _order, _ask    the order\n```\n"},
        "topup/call_wallet has no _ask",
    ),
    "a method that does more than one job": (
        {"tools/clock.py": "def pay():\n" + "    pass\n" * 40},
        "pay has more than 40 lines",
    ),
    "a file of more than one subject": (
        {"tools/clock.py": "pass\n" * 501},
        "tools/clock.py: more than 500 lines",
    ),
    "owners' pages that take from the back office": (
        {"__manifest__.py": MANIFEST.format(folder="backend")},
        "web.assets_frontend takes addon/static/src/backend/**/*",
    ),
    "a script of the portal that takes from the back office": (
        {"static/src/portal/page.js": 'import { bar } from "@call_wallet/backend/bar";\n'},
        "static/src/portal/page.js: imports from backend",
    ),
}


def findings(folder, files):
    addon = folder / "addon"
    addon.mkdir()
    for name, text in files.items():
        path = addon / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(rooms.check(addon))


def test_a_sound_addon_has_no_findings(tmp_path):
    assert findings(tmp_path, SOUND) == []


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(tmp_path, fault):
    files, expected = PLANTED[fault]
    assert any(expected in finding for finding in findings(tmp_path, {**SOUND, **files}))


def test_the_addon_keeps_the_rules():
    assert list(rooms.check(REPO / "call_wallet")) == []
