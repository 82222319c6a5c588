import { _t } from "@web/core/l10n/translation";

/** Return whether a request failed because the person is no longer signed in. */
export function isExpired(error) {
    return error.exceptionName === "odoo.http.SessionExpiredException";
}

/**
 * Say at the top of the page, once, that the session has expired.
 *
 * @param {HTMLElement} page
 * @param {string} text what it means for the person
 * @param {{ newTab?: boolean }} [options] newTab: sign in on a new tab, so that this page keeps what was typed
 */
export function showExpired(page, text, { newTab = false } = {}) {
    page.querySelector(".o_call_wallet_expired")?.remove();
    const link = document.createElement("a");
    link.className = "alert-link ms-2";
    link.href = `/web/login?redirect=${encodeURIComponent(window.location.pathname)}`;
    link.textContent = _t("Sign in again");
    if (newTab) {
        link.target = "_blank";
    }
    showAlert(page, "o_call_wallet_expired", text, link);
}

/** Put a warning at the top of the page, and have it read out. */
export function showAlert(page, name, ...content) {
    page.querySelector(`.${name}`)?.remove();
    const alert = document.createElement("div");
    alert.className = `${name} alert alert-warning`;
    alert.setAttribute("role", "alert");
    alert.append(...content);
    page.prepend(alert);
    return alert;
}
