"""Takes pictures of a running demo with headless Chromium.

    python scripts/screenshots.py http://localhost:8069 docs

Needs `requests` and `websocket-client` (both among the test requirements) and Chromium. Logs in as the
demo's users, whose passwords are their logins.
"""

import base64
import contextlib
import copy
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

# file name, login, path, what must be there before the picture is taken, width, height
PICTURES = [
    ("screenshot", "finance", "/odoo/res.partner/{acme}", "tab:Billing", 1440, 1120),
    ("portal", "owner.acme", "/my/billing", "", 1280, 900),
    ("portal_phone", "owner.acme", "/my/billing", "", 390, 844),
    ("transactions", "owner.acme", "/my/billing/{wallet}/transactions", "", 1280, 800),
    ("add_balance", "owner.acme", "/my/billing/{wallet}/add", "", 1280, 900),
    ("reconciliation", "finance", "/odoo/call-wallet-reconciliation", "", 1440, 900),
]
WAIT = 20


def main(url, folder, *names):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, login, path, action, width, height in PICTURES:
        if names and name not in names:
            continue
        with Browser(width, height) as browser:
            session = log_in(url, login)
            browser.call("Network.setCookie", name="session_id", value=session.cookies["session_id"], url=url)
            browser.open(url + path.format(**acme(url)) if "{" in path else url + path)
            if action.startswith("tab:"):
                browser.click_tab(action[4:])
            browser.save(folder / f"{name}.png")
            print(folder / f"{name}.png")


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


def acme(url):
    """Return the ids of ACME's partner and wallet."""
    session = log_in(url, "admin")
    answer = session.post(
        f"{url}/web/dataset/call_kw",
        json={
            "params": {
                "model": "call.wallet",
                "method": "search_read",
                "args": [[("account_ref", "=", "ACME")], ["partner_id"]],
                "kwargs": {},
            }
        },
    )
    [wallet] = answer.json()["result"]
    return {"acme": wallet["partner_id"][0], "wallet": wallet["id"]}


def _without_limit():
    """Let Chromium reserve addresses beyond what Odoo allows its own process, and whatever that starts."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


class Browser:
    """Chromium without a window, driven over its debugging protocol."""

    def __init__(self, width, height, options=()):
        self._options = options
        self._size = f"{width},{height}"
        self._mobile = width < 500
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
            width=width, height=height, deviceScaleFactor=1, mobile=self._mobile,
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
        ready = "document.readyState == 'complete' && !!document.querySelector('.o_form_view, .o_list_view, main')"
        self._until(lambda: self.evaluate(ready))
        time.sleep(3)

    def click_tab(self, label):
        script = (
            "(() => { const tab = [...document.querySelectorAll('.o_notebook .nav-link')]"
            f".find((link) => link.textContent.trim() === {json.dumps(label)});"
            " if (tab) tab.click(); return !!tab; })()"
        )
        self._until(lambda: self.evaluate(script))
        time.sleep(3)

    def save(self, path):
        picture = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(picture))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
