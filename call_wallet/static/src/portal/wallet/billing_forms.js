import { _t } from "@web/core/l10n/translation";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";
import { isExpired, showAlert, showExpired } from "./session_expired";

/**
 * What was typed into a form is not lost with the session: it is sent once the server answers.
 *
 * The server's answer also renews the form's token, which is that of a session that may be gone.
 */
export class BillingForms extends Interaction {
    static selector = ".o_call_wallet_billing";
    dynamicContent = {
        _root: { "t-on-submit": this.onSubmit },
    };

    async onSubmit(ev) {
        const form = ev.target;
        // Forms with a way of their own have stopped the event; the purchase keeps its amount by itself.
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
            const text = _t("Your session has expired. Nothing was sent, and what you entered is still here: sign in, then send it again.");
            showExpired(this.el, text, { newTab: true });
        } else {
            showAlert(this.el, "o_call_wallet_expired", _t("The server cannot be reached. Nothing was sent: check your connection and try again."));
        }
        this.el.querySelector(".o_call_wallet_expired").scrollIntoView({ block: "center" });
    }
}

registry.category("public.interactions").add("call_wallet.billing_forms", BillingForms);
