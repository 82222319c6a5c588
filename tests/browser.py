"""Tests in a real browser, on a desk and on a phone, and whether everybody can use what they show."""

import faulthandler
import json
import logging
import os
import re
import tempfile
import unittest
from functools import cache
from pathlib import Path
from unittest.mock import patch

from odoo.tests import HttpCase
from odoo.tests.common import ChromeBrowser

_logger = logging.getLogger(__name__)

DESKTOP, PHONE = "1366x768", "390x844"
# The web client says it one way, the portal another.
NEVER_READY = re.compile("code was always falsy|^Runtime.evaluate.*isReady")
READY = "window.odoo?.isReady || document.body?.hasAttribute('is-ready')"

# What a script on a page can do: wait until something is seen, click, type, and ask the server.
HELPERS = """
const see = async (what, check) => {
    for (let tries = 0; tries < 150; tries++) {
        const found = check();
        if (found) { return found; }
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`Not seen: ${what}. The page says: ${shown.document.body.innerText.slice(0, 1500)}`);
};
// What is looked at: the page, or the one that `load` has put in a frame.
let shown = window;
const $ = (selector) => shown.document.querySelector(selector);
const plain = (text) => text.replaceAll("\\u00a0", " ");
const text = (selector) => ($(selector) ? plain($(selector).innerText) : "");
const seeText = (selector, wanted) => see(`"${wanted}" in ${selector}`, () => text(selector).includes(wanted));
const usable = (selector) => ($(selector) && !$(selector).disabled ? $(selector) : null);
const click = async (selector) => (await see(selector, () => usable(selector))).click();
const press = async (label) => {
    const named = () => [...shown.document.querySelectorAll("a, button")].find((one) => plain(one.innerText) === label);
    (await see(`"${label}" to press`, named)).click();
};
const type = async (selector, value) => {
    const input = await see(selector, () => $(selector));
    input.focus();
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return input;
};
const enter = (input) => input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
const ask = async (model, method, args) => {
    const body = { jsonrpc: "2.0", method: "call", params: { model, method, args, kwargs: {} } };
    const headers = { "Content-Type": "application/json" };
    const url = `/web/dataset/call_kw/${model}/${method}`;
    const answer = await (await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })).json();
    if (answer.error) { throw new Error(answer.error.data.message); }
    return answer.result;
};
const narrow = () => {
    const { scrollWidth, clientWidth } = shown.document.documentElement;
    if (scrollWidth > clientWidth) { throw new Error(`Wider than the screen: ${scrollWidth} > ${clientWidth}`); }
};
const missing = (selector) => { if ($(selector)) { throw new Error(`Should not be there: ${selector}`); } };
"""

# Loads a page in a frame of a phone's or a desk's size: its own rules follow the frame's width, and a script
# outlives the forms that it sends.
LOAD = """
const load = async (path, size) => {
    const [width, height] = size.split("x");
    const frame = document.createElement("iframe");
    frame.style = `position: fixed; top: 0; left: 0; border: 0; width: ${width}px; height: ${height}px; z-index: 9999`;
    frame.src = path;
    const loaded = new Promise((resolve) => (frame.onload = resolve));
    document.body.replaceChildren(frame);
    await loaded;
    shown = frame.contentWindow;
    const { responseStatus } = shown.performance.getEntriesByType("navigation")[0];
    if (responseStatus !== 200) { throw new Error(`${path}: ${responseStatus}`); }
    await ready();
};
// The page that is shown, or the one that follows what was just sent or clicked.
const ready = async () => {
    await see("the page ready", () => $("body[is-ready]"));
    narrow();
};
const next = async (act) => {
    shown.document.body.removeAttribute("is-ready");
    await act();
    await ready();
};
"""
# What is wrong with the page by axe, as lines of text; and whether it scrolls sideways. Odoo's own header and
# footer are not ours to judge.
INSPECT = """
const inspect = async () => {
    shown.eval(axeSource);
    const context = { exclude: [["#wrapwrap > header"], ["#wrapwrap > footer"]] };
    const { violations } = await shown.axe.run(context, { resultTypes: ["violations"] });
    const lines = violations
        .filter(({ impact }) => ["serious", "critical"].includes(impact))
        .flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id} (${help}): ${html.slice(0, 200)}`));
    const { scrollWidth, clientWidth } = shown.document.documentElement;
    if (scrollWidth > clientWidth) { lines.push(`wider than the screen: ${scrollWidth} > ${clientWidth}`); }
    return lines;
};
"""


@cache
def axe_source():
    """Return the program text of axe-core; skip the test where it could not be fetched."""
    path = os.environ.get("CALL_WALLET_AXE")
    if not path:
        raise unittest.SkipTest("axe-core is not here")
    return Path(path).read_text()


@cache
def _files_of_browsers():
    """Return a folder of this process's own, which goes with it."""
    return tempfile.TemporaryDirectory(prefix="call_wallet_browser_")


class BrowserWithCache(ChromeBrowser):
    """A new browser, who knows nobody, with the scripts that the one before it has fetched and compiled: without them
    the web client takes twice as long to start. Their addresses have their contents' hash in them.
    """

    KEPT = "Cache", "Code Cache"

    def _chrome_start(self, user_data_dir, *args, **options):
        profile = Path(user_data_dir, "Default")
        profile.mkdir(parents=True)
        for name in self.KEPT:
            kept = Path(_files_of_browsers().name, name)
            kept.mkdir(exist_ok=True)
            # When the profile is removed, a link is, and not what it leads to.
            (profile / name).symlink_to(kept)
        return super()._chrome_start(user_data_dir, *args, **options)


class PageCase(HttpCase):
    """Opens pages in a browser, also on a machine that is busy with much else."""

    # Requests of a page are answered one at a time here; Odoo gives up on one that has waited for 20 seconds,
    # and the page then stays as it came, without its scripts.
    test_cursor_lock_timeout = 60

    def browser_js(self, *args, **options):
        with patch("odoo.tests.common.ChromeBrowser", BrowserWithCache):
            self._browser_js(*args, **options)

    def _browser_js(self, *args, **options):
        try:
            super().browser_js(*args, **options)
        except (AssertionError, TimeoutError) as error:
            if not NEVER_READY.search(str(error)):
                raise
            # As somebody would who sees half a page. What every thread did then stands in the log.
            _logger.warning("Opened again, because it did not get ready: %s", args[0])
            faulthandler.dump_traceback()
            super().browser_js(*args, **options)


class BrowserCase(PageCase):
    def _on(self, path, script, login, size=DESKTOP, axe=False, timeout=60):
        """Open a page as somebody and run a script on it; it fails where something is not seen.

        The script may use ``HELPERS`` and ``LOAD``; with ``axe`` also ``await inspect()``, which returns the
        list of serious findings.
        """
        self.browser_size = size
        axe = f"const axeSource = {json.dumps(axe_source())}; {INSPECT}" if axe else ""
        # In a block of their own: Odoo's scripts on the page have another "$".
        code = (
            f"{{ {HELPERS} {LOAD} {axe} (async () => {{ {script} }})()"
            ".then(() => console.log('test successful'), (error) => console.error(error.message)); }"
        )
        try:
            self.browser_js(path, code, ready=READY, login=login, timeout=timeout)
        except AssertionError as error:
            # Odoo's message begins with the whole script.
            raise AssertionError(str(error).rpartition('" failed')[2].strip() or str(error)) from None

    def _on_portal(self, path, script, login, size=DESKTOP):
        """The same with the page in a frame, so that the script may send its forms and see what comes back."""
        self._on("/my", f"const size = '{size}'; await load({json.dumps(path)}, size); {script}", login)

    def assertAccessible(self, login, *paths, sizes=(DESKTOP, PHONE)):
        """No serious or critical finding of axe on these pages, and no scrolling sideways.

        For pages of the portal; those of the web client do not let themselves be framed: there, use
        ``inspect`` in a script of ``_on``.
        """
        script = f"""
            const findings = [];
            for (const size of {json.dumps(sizes)}) {{
                for (const path of {json.dumps(paths)}) {{
                    await load(path, size);
                    findings.push(...(await inspect()).map((line) => `${{path}} at ${{size}}: ${{line}}`));
                }}
            }}
            if (findings.length) {{ throw new Error("Not accessible: " + findings.join(" | ")); }}
        """
        self._on("/my", script, login, axe=True, timeout=60 + 10 * len(paths))
