import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { Component, onWillUpdateProps, useState } from "@odoo/owl";
import { formatPlain, parsePlain } from "@call_wallet/common/money";
import { askToRemoveLastRecipient, recipientProblem } from "@call_wallet/common/notices/recipients";

/**
 * The addresses that get a mail when the balance runs low: type one, and Enter adds it. With a `threshold` (a
 * decimal string in the wallet's currency), people also set below which balance the mail is sent.
 */
export class WalletRecipients extends Component {
    static template = "call_wallet.WalletRecipients";
    static props = {
        walletId: Number,
        emails: Array,
        threshold: { type: String, optional: true },
        currency: { type: Object, optional: true },
        onSaved: Function,
    };

    setup() {
        this.orm = useService("orm");
        this.dialog = useService("dialog");
        this.notification = useService("notification");
        this.state = useState({ typed: "", error: "", isSaving: false, ...this.saved(this.props) });
        onWillUpdateProps((next) => {
            const isOther = next.walletId !== this.props.walletId;
            if (isOther || !this.isChanged || this.isStored) {
                this.isStored = false;
                Object.assign(this.state, this.saved(next));
            }
        });
    }

    saved({ emails, threshold, currency }) {
        const shown = threshold === undefined ? "" : formatPlain(threshold, currency);
        return { emails: [...emails], threshold: shown };
    }

    get isThresholdChanged() {
        return this.state.threshold !== this.saved(this.props).threshold;
    }

    get areEmailsChanged() {
        return this.state.emails.join() !== this.props.emails.join();
    }

    get isChanged() {
        return this.areEmailsChanged || this.isThresholdChanged;
    }

    /** Add what was typed; return whether nothing is left to correct. */
    add() {
        const email = this.state.typed.trim().toLowerCase();
        if (!email) {
            return true;
        }
        this.state.error = recipientProblem(email, this.state.emails);
        if (this.state.error) {
            return false;
        }
        this.state.emails.push(email);
        this.state.typed = "";
        return true;
    }

    remove(email) {
        this.state.emails.splice(this.state.emails.indexOf(email), 1);
    }

    onKeydown(ev) {
        if (["Enter", ",", ";"].includes(ev.key)) {
            ev.preventDefault();
            ev.stopPropagation();
            this.add();
        }
    }

    /** The threshold to store, as a decimal string; null where what was typed is not an amount. */
    get wantedThreshold() {
        return this.isThresholdChanged ? parsePlain(this.state.threshold) : this.props.threshold;
    }

    checkThreshold() {
        if (this.wantedThreshold === null || this.wantedThreshold?.startsWith("-")) {
            this.state.error = _t("Threshold: type an amount of zero or more.");
            return false;
        }
        return true;
    }

    save() {
        if (!this.add() || !this.checkThreshold()) {
            return;
        }
        if (this.state.emails.length || !this.props.emails.length) {
            return this.store();
        }
        askToRemoveLastRecipient(
            this.dialog,
            () => this.store(),
            () => this.discard()
        );
    }

    /** Store recipients and threshold in one request, both or neither. */
    async store() {
        const walletIds = [this.props.walletId];
        const emails = [...this.state.emails];
        this.state.isSaving = true;
        try {
            if (this.props.threshold === undefined) {
                await this.orm.call("call.wallet", "set_recipients", [walletIds, emails]);
            } else {
                await this.orm.call("call.wallet", "set_notifications", [walletIds, emails, this.wantedThreshold]);
            }
            this.notification.add(_t("Notifications saved."), { type: "success" });
            this.state.error = "";
            // What comes next from the server is what was stored, in the currency's own notation.
            this.isStored = true;
            await this.props.onSaved();
        } finally {
            this.state.isSaving = false;
        }
    }

    discard() {
        Object.assign(this.state, { typed: "", error: "", ...this.saved(this.props) });
    }
}
