import { _t } from "@web/core/l10n/translation";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { useService } from "@web/core/utils/hooks";
import { parseFloat } from "@web/views/fields/parsers";
import { Component, onWillUpdateProps, useState } from "@odoo/owl";
import { formatPlain } from "./money";

const ADDRESS = /^[^\s@,;]+@[^\s@,;]+\.[^\s@,;]+$/;

/**
 * The addresses that are told when the balance runs low: type one, Enter confirms it.
 * With a `threshold`, also below which balance they are told.
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
            if (isOther || !this.isChanged) {
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

    /** Take over what was typed; return whether nothing is left to correct. */
    add() {
        const email = this.state.typed.trim().toLowerCase();
        if (!email) {
            return true;
        }
        if (!ADDRESS.test(email)) {
            this.state.error = _t("%s is not a valid e-mail address; write it like name@company.com.", email);
        } else if (this.state.emails.includes(email)) {
            this.state.error = _t("%s is in the list already.", email);
        } else {
            this.state.emails.push(email);
            this.state.typed = "";
            this.state.error = "";
            return true;
        }
        return false;
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

    checkThreshold() {
        if (!this.isThresholdChanged) {
            return true;
        }
        try {
            this.newThreshold = parseFloat(this.state.threshold);
        } catch {
            this.newThreshold = -1;
        }
        if (this.newThreshold < 0) {
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
        this.dialog.add(ConfirmationDialog, {
            title: _t("Remove the last recipient?"),
            body: _t(
                "Without a recipient the wallet returns to Not Set Up: no call can start. The balance stays."
            ),
            confirmLabel: _t("Remove"),
            confirm: () => this.store(),
            cancel: () => this.discard(),
        });
    }

    async store() {
        this.state.isSaving = true;
        try {
            if (this.areEmailsChanged) {
                const emails = [...this.state.emails];
                await this.orm.call("call.wallet", "set_recipients", [[this.props.walletId], emails]);
            }
            if (this.isThresholdChanged) {
                const values = { low_balance_threshold: this.newThreshold };
                await this.orm.write("call.wallet", [this.props.walletId], values);
            }
            this.notification.add(_t("Notifications saved."), { type: "success" });
            this.state.error = "";
            await this.props.onSaved();
        } finally {
            this.state.isSaving = false;
        }
    }

    discard() {
        Object.assign(this.state, { typed: "", error: "", ...this.saved(this.props) });
    }
}
