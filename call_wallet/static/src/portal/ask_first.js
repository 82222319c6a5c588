import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/** A form that moves money, or ends something, is sent after a question, which the server has worded. */
export class AskFirst extends Interaction {
    static selector = "form[data-question]";
    dynamicContent = {
        _root: { "t-on-submit": this.onSubmit },
    };

    onSubmit(ev) {
        if (this.isConfirmed) {
            return;
        }
        ev.preventDefault();
        const button = this.el.querySelector("button");
        this.services.dialog.add(ConfirmationDialog, {
            title: button.textContent.trim(),
            body: this.el.dataset.question,
            confirmLabel: this.el.dataset.answer,
            confirm: () => {
                this.isConfirmed = true;
                this.el.requestSubmit(button);
            },
            cancel: () => {},
        });
    }
}

registry.category("public.interactions").add("call_wallet.ask_first", AskFirst);
