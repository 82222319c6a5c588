import { _t } from "@web/core/l10n/translation";
import { loadJS } from "@web/core/assets";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

const OWN_FORMS = ".o_call_wallet_topup, .o_payment_form";

/**
 * Opens Add Balance as a dialog: amount and terms, then the payment.
 *
 * If anything goes wrong, such as an expired session, the browser follows the link instead: its page asks people to
 * sign in and leads them back.
 */
export class AddBalance extends Interaction {
    static selector = ".o_call_wallet_add_balance";
    dynamicContent = {
        _root: { "t-on-click": this.onClick },
    };

    async onClick(ev) {
        if (ev.ctrlKey || ev.metaKey || ev.shiftKey) {
            return;
        }
        // A page that has such a form already, of another wallet perhaps: two of them in one document would mix up.
        if (document.querySelector(OWN_FORMS)) {
            return;
        }
        ev.preventDefault();
        if (this.isOpening) {
            return;
        }
        this.isOpening = true;
        try {
            const path = `/my/billing/${this.el.dataset.walletId}/add/form`;
            const { html, redirect } = await this.waitFor(rpc(path, {}, { silent: true }));
            if (redirect) {
                window.location = redirect;
            } else {
                await this.open(html);
            }
        } catch {
            window.location = this.el.href;
        } finally {
            this.isOpening = false;
        }
    }

    async open(html) {
        const dialog = this.dialog();
        document.body.append(dialog);
        const modal = window.Modal.getOrCreateInstance(dialog);
        dialog.addEventListener("call_wallet_step", (ev) => this.show(dialog, ev.detail.html, _t("Pay")));
        dialog.addEventListener("hidden.bs.modal", () => {
            this.services["public.interactions"].stopInteractions(dialog);
            modal.dispose();
            dialog.remove();
            // Reload the page: it lists the invoice that was requested.
            if (dialog.dataset.isOrdered) {
                window.location.reload();
            } else {
                this.el.focus();
            }
        });
        modal.show();
        await this.show(dialog, html, _t("Add Balance"));
    }

    dialog() {
        const template = document.createElement("template");
        template.innerHTML = `
            <div class="modal fade o_call_wallet_billing o_call_wallet_dialog" tabindex="-1" role="dialog" aria-modal="true" aria-labelledby="o_call_wallet_dialog_title">
                <div class="modal-dialog modal-dialog-scrollable modal-fullscreen-sm-down">
                    <div class="modal-content">
                        <div class="modal-header">
                            <h2 class="modal-title h5" id="o_call_wallet_dialog_title"></h2>
                            <button type="button" class="btn-close" data-bs-dismiss="modal"></button>
                        </div>
                        <div class="modal-body"></div>
                    </div>
                </div>
            </div>`;
        template.content.querySelector(".btn-close").setAttribute("aria-label", _t("Close"));
        return template.content.firstElementChild;
    }

    async show(dialog, html, title) {
        const service = this.services["public.interactions"];
        const body = dialog.querySelector(".modal-body");
        service.stopInteractions(body);
        body.innerHTML = html;
        dialog.querySelector(".modal-title").textContent = title;
        dialog.dataset.isOrdered = body.querySelector(".o_call_wallet_pay") ? "1" : "";
        // The browser runs no scripts in HTML that is set as text: load those of payment providers.
        const scripts = [...body.querySelectorAll("script[src]")];
        await Promise.all(scripts.map((script) => loadJS(script.src).catch(() => {})));
        await service.startInteractions(body);
        body.scrollTop = 0;
        (body.querySelector("input:checked") || body.querySelector("input:not([type=hidden]), button, a"))?.focus();
    }
}

registry.category("public.interactions").add("call_wallet.add_balance", AddBalance);
