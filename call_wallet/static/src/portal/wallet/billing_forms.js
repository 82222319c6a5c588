import { _t } from "@web/core/l10n/translation";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";
import { isExpired, showAlert, showExpired } from "./session_expired";

/**
 * Asks the server for a fresh token before it sends a form, so that an expired session does not lose what was typed.
 *
 * The token in the page belongs to a session that may be gone. Where the server gives no other, the form is not sent,
 * and stays as it is until the person has signed in again.
 */
export class BillingForms extends Interaction {
    static selector = ".o_call_wallet_billing";
    dynamicContent = {
        _root: { "t-on-submit": this.onSubmit },
    };

    async onSubmit(ev) {
        const form = ev.target;
        // A prevented event was handled by another script; the purchase form remembers its amount itself.
        if (ev.defaultPrevented || form.method !== "post" || form.matches(".o_call_wallet_topup")) {
            return;
        }
        if (form === this.passed) {
            return;
        }
        ev.preventDefault();
        if (this.isAsking) {
            return;
        }
        this.isAsking = true;
        try {
            form.elements.csrf_token.value = await rpc("/my/billing/token", {}, { silent: true });
        } catch (error) {
            return this.onError(error);
        } finally {
            this.isAsking = false;
        }
        this.passed = form;
        form.requestSubmit(ev.submitter);
    }

    onError(error) {
        if (isExpired(error)) {
            const text = _t(
                "Your session has expired. Nothing was sent, and what you entered is still here: sign in, then send it again."
            );
            showExpired(this.el, text, { newTab: true });
        } else {
            showAlert(
                this.el,
                "o_call_wallet_expired",
                _t("The server cannot be reached. Nothing was sent: check your connection and try again.")
            );
        }
        this.el.querySelector(".o_call_wallet_expired").scrollIntoView({ block: "center" });
    }
}

registry.category("public.interactions").add("call_wallet.billing_forms", BillingForms);
