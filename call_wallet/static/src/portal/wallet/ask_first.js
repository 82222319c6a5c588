import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/**
 * Asks before a form is sent that moves money or removes something. The server words the question: `data-question`
 * is the text, `data-answer` the button that sends the form, `data-title` the title (by default the form's button).
 */
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
        const { title, question, answer } = this.el.dataset;
        this.services.dialog.add(ConfirmationDialog, {
            title: title || button.textContent.trim(),
            body: question,
            confirmLabel: answer,
            confirm: () => {
                this.isConfirmed = true;
                this.el.requestSubmit(button);
            },
            cancel: () => {},
        });
    }
}

registry.category("public.interactions").add("call_wallet.ask_first", AskFirst);
