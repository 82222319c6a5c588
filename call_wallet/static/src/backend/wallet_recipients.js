import { _t } from "@web/core/l10n/translation";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { useService } from "@web/core/utils/hooks";
import { Component, onWillUpdateProps, useState } from "@odoo/owl";

const ADDRESS = /^[^\s@,;]+@[^\s@,;]+\.[^\s@,;]+$/;

/** The addresses that are told when the balance runs low: type one, Enter confirms it. */
export class WalletRecipients extends Component {
    static template = "call_wallet.WalletRecipients";
    static props = { walletId: Number, emails: Array, onSaved: Function };

    setup() {
        this.orm = useService("orm");
        this.dialog = useService("dialog");
        this.notification = useService("notification");
        this.state = useState({ emails: [...this.props.emails], typed: "", error: "", isSaving: false });
        onWillUpdateProps((next) => {
            const isOther = next.walletId !== this.props.walletId;
            if (isOther || !this.isChanged) {
                Object.assign(this.state, { emails: [...next.emails], error: "" });
            }
        });
    }

    get isChanged() {
        return this.state.emails.join() !== this.props.emails.join();
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

    save() {
        if (!this.add()) {
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
            const emails = [...this.state.emails];
            await this.orm.call("call.wallet", "set_recipients", [[this.props.walletId], emails]);
            this.notification.add(_t("Notification recipients saved."), { type: "success" });
            await this.props.onSaved();
        } finally {
            this.state.isSaving = false;
        }
    }

    discard() {
        Object.assign(this.state, { emails: [...this.props.emails], typed: "", error: "" });
    }
}
