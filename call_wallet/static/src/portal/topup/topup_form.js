import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { Interaction } from "@web/public/interaction";

const TYPING_MS = 250;
const OTHER = "other";

/** Keeps the summary in line with the chosen amount. In the dialog it orders by a request; on the page the form is sent. */
export class TopupForm extends Interaction {
    static selector = ".o_call_wallet_topup";
    dynamicContent = {
        _root: { "t-on-submit": this.onSubmit },
        "[name=package]": { "t-on-change": this.onPackage },
        "[name=other_amount]": { "t-on-input": this.onOther },
        "[name=accept_terms]": { "t-on-change": () => this.say("accept_terms", "") },
    };

    setup() {
        this.keepLast = new KeepLast();
        this.quoteSoon = this.debounced(this.quote, TYPING_MS);
        this.choose();
    }

    get fields() {
        return this.el.elements;
    }

    get isOther() {
        return !this.fields.package || this.fields.package.value === OTHER || !this.fields.package.value;
    }

    get amount() {
        return this.isOther ? this.fields.other_amount.value.trim() : this.fields.package.value;
    }

    get path() {
        return `/my/billing/${this.el.dataset.walletId}/add`;
    }

    // Event handlers

    onPackage() {
        this.choose();
        if (this.isOther) {
            this.fields.other_amount.focus();
        }
        this.quote();
    }

    onOther() {
        const other = this.el.querySelector("#o_package_other");
        if (other) {
            other.checked = true;
        }
        this.choose();
        this.quoteSoon();
    }

    async onSubmit(ev) {
        if (this.isSending) {
            return ev.preventDefault();
        }
        const dialog = this.el.closest(".modal");
        if (!dialog) {
            this.isSending = true;
            return;
        }
        ev.preventDefault();
        await this.order(dialog);
    }

    // Actions

    choose() {
        this.el.querySelector(".o_call_wallet_other").classList.toggle("o_call_wallet_not_chosen", !this.isOther);
    }

    async quote() {
        const asked = this.isOther ? { amount: this.amount } : { package: this.amount };
        const { html, problem } = await this.keepLast.add(
            rpc(`${this.path}/quote`, asked, { silent: true }).catch((error) => this.onError(error))
        );
        if (!this.isDestroyed && html) {
            this.el.querySelector(".o_call_wallet_summary").innerHTML = html;
            this.say("amount", problem);
        }
    }

    async order(dialog) {
        const button = this.el.querySelector(".o_call_wallet_request");
        this.isSending = button.disabled = true;
        const values = Object.fromEntries(new FormData(this.el));
        delete values.csrf_token;
        try {
            const { problems, html, redirect } = await rpc(`${this.path}/order`, values);
            if (!html && redirect) {
                window.location = redirect;
                return;
            }
            if (html) {
                dialog.dispatchEvent(new CustomEvent("call_wallet_step", { detail: { html } }));
                return;
            }
            for (const place of this.el.querySelectorAll("[data-problem]")) {
                this.say(place.dataset.problem, problems[place.dataset.problem] || "");
            }
            (this.el.querySelector(".is-invalid") || this.el.querySelector("[name=package]:checked"))?.focus();
        } catch (error) {
            this.onError(error);
        }
        this.isSending = button.disabled = false;
    }

    say(field, problem) {
        this.el.querySelector(`[data-problem="${field}"]`).textContent = problem;
        const input = { amount: this.isOther && this.fields.other_amount, accept_terms: this.fields.accept_terms }[
            field
        ];
        input?.classList?.toggle("is-invalid", Boolean(problem));
        input?.setAttribute?.("aria-invalid", Boolean(problem));
    }

    /** Handle a failed request. With an expired session, the page asks to sign in and leads back to the same amount. */
    onError(error) {
        if (error instanceof ConnectionLostError) {
            this.say(
                "",
                _t("The server cannot be reached. Check your connection and try again: nothing is ordered twice.")
            );
        } else {
            window.location = `${this.path}?amount=${encodeURIComponent(this.amount)}`;
        }
        return {};
    }
}

registry.category("public.interactions").add("call_wallet.topup_form", TopupForm);
