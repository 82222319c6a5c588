import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/** A card is removed after a question. */
export class RemoveCard extends Interaction {
    static selector = ".o_call_wallet_remove_card";
    dynamicContent = {
        _root: { "t-on-submit": this.onSubmit },
    };

    onSubmit(ev) {
        if (this.isConfirmed) {
            return;
        }
        ev.preventDefault();
        const { card, isAutomatic } = this.el.dataset;
        this.services.dialog.add(ConfirmationDialog, {
            title: _t("Remove this card?"),
            body: isAutomatic
                ? _t("%s is charged by automatic top-up, which stops when the card is removed.", card)
                : _t("%s cannot be used for payments any more. You can save it again with your next payment.", card),
            confirmLabel: _t("Remove"),
            confirm: () => {
                this.isConfirmed = true;
                this.el.requestSubmit(this.el.querySelector("button"));
            },
            cancel: () => {},
        });
    }
}

registry.category("public.interactions").add("call_wallet.remove_card", RemoveCard);
