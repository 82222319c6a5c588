import { _t } from "@web/core/l10n/translation";

/** Whether a request failed because the person is no longer signed in. */
export function isExpired(error) {
    return error.exceptionName === "odoo.http.SessionExpiredException";
}

/**
 * Say so at the top of the page, once.
 *
 * @param {HTMLElement} page
 * @param {string} text what it means for the person
 * @param {{ newTab?: boolean }} [options] newTab: sign in elsewhere, so that what was typed here stays
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
