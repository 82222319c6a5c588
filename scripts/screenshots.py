"""Takes pictures of every screen of a running demo with headless Chromium, for computers and for telephones.

    python scripts/screenshots.py http://localhost:8069             # all of them, in both languages, into docs/pictures
    python scripts/screenshots.py http://localhost:8069 -- overview  # some, by their names
    python scripts/screenshots.py http://localhost:8069 --lang es    # those in Spanish alone; --lang en: in English

Each screen becomes NAME.png, 1280 points wide, and NAME_phone.png, 390 points; those with most text also NAME_es.png
and, on the portal, NAME_phone_es.png. While these are taken, the users who look read Spanish; afterwards their own
language again. Those of the app's page in the store are made for it, too. Needs `requests`, `websocket-client` and
`Pillow` (all among the test requirements) and Chromium. Logs in as the demo's users, whose passwords are their logins.
`make pictures` makes the demo anew, serves it and runs this; else `make run` in one terminal, this in another.
"""

import base64
import contextlib
import copy
import io
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests
import websocket

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/pictures"
STORE = ROOT / "call_wallet/static/description"
# Width and height in points.
SIZES = {"": (1280, 900), "_phone": (390, 844)}
# Who looks, by the beginning of a picture's name; finance otherwise.
LOGINS = {"portal": "owner.acme", "settings": "admin"}
# File name: address, and what is clicked before the picture is taken: `tab:` of a form or `button:` by its name, which
# is the same in each language; `view:` by its kind. The names of places are filled in by `places`.
PICTURES = {
    "overview": ("/odoo/call-wallet-overview", ""),
    "wallets": ("/odoo/call-wallets", "view:kanban"),
    "wallets_list": ("/odoo/call-wallets", "view:list"),
    "wallet": ("/odoo/call-wallets/{wallet}", ""),
    "billing_tab": ("/odoo/res.partner/{partner}", "tab:call_wallet_billing"),
    "add_balance": ("/odoo/call-wallets/{wallet}", "button:action_add_balance"),
    "waiting": ("/odoo/call-wallet-waiting", ""),
    "topups": ("/odoo/call-wallet-topups", ""),
    "topup": ("/odoo/call-wallet-topups/{topup}", ""),
    "transfers": ("/odoo/call-wallet-transfers", ""),
    "refund_requests": ("/odoo/call-wallet-refund-requests", ""),
    "transactions": ("/odoo/call-wallet-transactions", ""),
    "calls": ("/odoo/call-usage", ""),
    "holds": ("/odoo/action-call_wallet.action_call_wallet_hold", ""),
    "rejected": ("/odoo/rejected-calls", ""),
    "source_calls": ("/odoo/call-source-calls", ""),
    "rate_plans": ("/odoo/call-rate-plans", ""),
    "rate_import": ("/odoo/action-call_wallet.action_call_rate_import_any_plan", ""),
    "rerating": ("/odoo/call-rerating", ""),
    "reconciliation": ("/odoo/call-wallet-reconciliation", ""),
    "postings": ("/odoo/call-wallet-postings", ""),
    "month_ends": ("/odoo/call-wallet-month-ends", ""),
    "payouts": ("/odoo/call-wallet-payouts", ""),
    "analysis": ("/odoo/call-wallet-analysis", ""),
    "settings": ("/odoo/call-wallet-settings", ""),
    "sources": ("/odoo/call-sources", ""),
    "webhooks": ("/odoo/call-wallet-webhooks", ""),
    "scheduled_actions": ("/odoo/call-wallet-schedule", ""),
    "portal_overview": ("/my/billing/{wallet}", ""),
    "portal_usage": ("/my/billing/{wallet}/usage", ""),
    "portal_invoices": ("/my/billing/{wallet}/invoices", ""),
    "portal_settings": ("/my/billing/{wallet}/notifications", ""),
    "portal_transactions": ("/my/billing/{wallet}/transactions", ""),
    "portal_add_balance": ("/my/billing/{wallet}/add", ""),
    "portal_payment": ("/my/billing/{wallet}/pay/{topup}", ""),
}
# In Spanish, too: the screens with most text. On the portal for telephones as well.
LANGUAGES = {"en": "en_US", "es": "es_ES"}
IN_SPANISH = {
    *("overview", "wallet", "add_balance", "waiting", "topup", "reconciliation", "settings"),
    *("portal_overview", "portal_usage", "portal_invoices", "portal_settings"),
    *("portal_transactions", "portal_add_balance", "portal_payment"),
}
# Also kept beside the app's description, in the width that the store shows.
IN_STORE = ("billing_tab", "overview", "reconciliation", "portal_overview", "portal_add_balance")
# The first page of a new demo has its scripts made while one waits, which takes minutes on a machine that is busy.
WAIT = 300
# More colours are not seen in a screen's flat surfaces; the file becomes a third.
COLOURS = 128


def main(url, *words):
    words = [word for word in words if word != "--"]
    languages = LANGUAGES
    if "--lang" in words:
        place = words.index("--lang")
        languages = words[place + 1 : place + 2]
        del words[place : place + 2]
        if not set(languages) & set(LANGUAGES):
            raise SystemExit(__doc__)
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen, found = words or PICTURES, places(url)
    for language in languages:
        for login in sorted({login_of(name) for name in chosen}):
            mine = {name for name in chosen if login_of(name) == login}
            if mine & set(names_in(language, "")):
                with reading(url, login, LANGUAGES[language]) as session:
                    for size in SIZES:
                        names = [name for name in names_in(language, size) if name in mine]
                        take_all(url, session, language, size, names, found)
    if "en" in languages:
        for name in set(IN_STORE) & set(chosen):
            shutil.copy(FOLDER / f"{name}.png", STORE / f"{name}.png")


def names_in(language, size):
    """Return which pictures there are in a language and a size."""
    names = PICTURES
    if language != "en":
        names = [name for name in names if name in IN_SPANISH and (not size or name.startswith("portal"))]
    # A phone shows cards and has nothing to switch to a list by.
    return [name for name in names if not size or PICTURES[name][1] != "view:list"]


def file_name(name, language, size):
    return f"{name}{size}.png" if language == "en" else f"{name}{size}_{language}.png"


def take_all(url, session, language, size, names, found):
    """Take pictures of one user in one language and size."""
    with Browser(*SIZES[size]) as browser:
        for key, value in (("session_id", session.cookies["session_id"]), ("frontend_lang", LANGUAGES[language])):
            browser.call("Network.setCookie", name=key, value=value, url=url)
        for name in names:
            take(browser, url, name, FOLDER / file_name(name, language, size), found)


@contextlib.contextmanager
def reading(url, login, language):
    """Log somebody in who reads a language for as long; yield the session."""
    admin = log_in(url, "admin")
    [user] = ask(url, admin, "res.users", "search_read", [("login", "=", login)], ["lang"])
    try:
        ask(url, admin, "res.users", "write", [user["id"]], {"lang": language})
        yield log_in(url, login)
    finally:
        ask(url, admin, "res.users", "write", [user["id"]], {"lang": user["lang"]})


def login_of(name):
    return LOGINS.get(name.partition("_")[0], "finance")


def take(browser, url, name, path, found):
    """Take one picture; say so where the demo has nothing to show, and go on."""
    address, action = PICTURES[name]
    if action.startswith("view:") and browser.is_mobile:
        action = ""
    try:
        browser.open(url + address.format(**found))
        if action:
            browser.act(*action.split(":"))
    except (SystemExit, KeyError) as error:
        print(f"{path.name}: left out: {error}", file=sys.stderr)
        return
    browser.save(path)
    print(path)


def log_in(url, login):
    session = requests.Session()
    page = session.get(f"{url}/web/login").text
    token = page.split('csrf_token: "')[1].split('"')[0]
    answer = session.post(
        f"{url}/web/login", data={"login": login, "password": login, "csrf_token": token}, allow_redirects=False
    )
    if answer.status_code != 303:
        raise SystemExit(f"{login} cannot log in at {url}")
    return session


def places(url):
    """Return the ids that addresses name: ACME's partner and wallet, and a top-up of it that waits for its payment."""
    session = log_in(url, "admin")

    def first(model, domain, *fields):
        found = ask(url, session, model, "search_read", domain, fields, limit=1, order="id desc")
        return next(iter(found), {})

    wallet = first("call.wallet", [("account_ref", "=", "ACME")], "partner_id")
    topup = first("call.wallet.topup", [("wallet_id", "=", wallet["id"]), ("state", "=", "pending")])
    found = {"partner": wallet["partner_id"][0], "wallet": wallet["id"]}
    return {**found, "topup": topup["id"]} if topup else found


def ask(url, session, model, method, *args, **kwargs):
    """Call a method of a model as whoever the session is of; return what it returns."""
    params = {"model": model, "method": method, "args": args, "kwargs": kwargs}
    answer = session.post(f"{url}/web/dataset/call_kw", json={"params": params}).json()
    if "error" in answer:
        raise SystemExit(f"{model}.{method}: {answer['error']['data']['message']}")
    return answer["result"]


def _without_limit():
    """Let Chromium reserve addresses beyond what Odoo allows its own process, and whatever that starts."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


class Browser:
    """Chromium without a window, driven over its debugging protocol."""

    def __init__(self, width, height, options=()):
        self._options = options
        self._size = f"{width},{height}"
        self.is_mobile = width < 500
        self._number = 0

    def __enter__(self):
        command = next(filter(shutil.which, ("chromium", "chromium-browser", "google-chrome")), None)
        if not command:
            raise SystemExit("Chromium is missing: install the package chromium")
        self._profile = tempfile.mkdtemp()
        self._process = subprocess.Popen(
            [command, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--remote-debugging-port=0", "--remote-allow-origins=*", f"--window-size={self._size}",
             f"--user-data-dir={self._profile}", *self._options, "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=_without_limit,
        )  # fmt: skip
        port = self._until(self._port)
        page = next(tab for tab in requests.get(f"http://127.0.0.1:{port}/json").json() if tab["type"] == "page")
        self._join(page["webSocketDebuggerUrl"])
        return self

    def _join(self, address):
        self._socket = websocket.create_connection(address, timeout=60)
        self.call("Network.enable")
        width, height = map(int, self._size.split(","))
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=self.is_mobile,
        )  # fmt: skip

    def tab(self):
        """Return another page of the same browser."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        other = copy.copy(self)
        other._join(f"ws://127.0.0.1:{self._port()}/devtools/page/{target}")
        return other

    def kill(self):
        self._process.kill()

    def crash(self):
        """End the page as a bug of the browser would; it answers nothing afterwards."""
        self._socket.send(json.dumps({"id": 0, "method": "Page.crash"}))

    def __exit__(self, *_error):
        self._socket.close()
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def _port(self):
        # Chromium makes the file before it writes it.
        with contextlib.suppress(OSError, IndexError):
            return Path(self._profile, "DevToolsActivePort").read_text().split()[0]

    def _until(self, question):
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            answer = question()
            if answer:
                return answer
            time.sleep(0.2)
        raise SystemExit(f"nothing to see after {WAIT} s: {question}")

    def call(self, method, **params):
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._number:
                return message.get("result", {})

    def evaluate(self, script):
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def run(self, script):
        """Run the body of an asynchronous function; return what it returns.

        :raise AssertionError: it failed
        """
        code = f"(async () => {{ {script} }})()"
        answer = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"]["exception"].get("description"))
        return answer["result"].get("value")

    def open(self, address):
        self.call("Page.navigate", url=address)
        ready = (
            "document.readyState == 'complete' && !!document.querySelector('.o_action_manager > *, .modal-body, main')"
        )
        self._until(lambda: self.evaluate(ready))
        time.sleep(3)

    def act(self, kind, words):
        """Click what is of this kind and has this name; wait until it has come to rest."""
        script = (
            f"(() => {{ const found = [...document.querySelectorAll({json.dumps(PLACES[kind])})]"
            f".find((node) => {SAYS[kind]}({json.dumps(words)}));"
            " if (found) found.click(); return !!found; })()"
        )
        self._until(lambda: self.evaluate(script))
        time.sleep(3)

    def save(self, path):
        from PIL import Image

        picture = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        # A palette, as pngquant makes one.
        image = Image.open(io.BytesIO(picture)).convert("RGB")
        image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)


# Where things to click are, and how their names are compared.
PLACES = {
    "tab": ".o_notebook .nav-link",
    "button": "button:not([disabled])",
    "view": ".o_switch_view, .o-dropdown-item",
}
NAMED = "((name) => node.getAttribute('name') === name)"
SAYS = {
    "tab": NAMED,
    "button": NAMED,
    "view": "((kind) => node.classList.contains('o_' + kind))",
}


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
