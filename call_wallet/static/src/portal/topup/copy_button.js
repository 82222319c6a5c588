import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

// How long the button says that it has copied.
const SAID_MS = 4000;

/** Copies one line of a bank transfer's details, and says so on the button and to those who hear the page. */
export class CopyButton extends Interaction {
    static selector = ".o_call_wallet_copy";
    dynamicContent = {
        _root: { "t-on-click": this.onClick },
    };

    setup() {
        this.text = this.el.querySelector(".o_call_wallet_copy_text");
        this.label = this.text.textContent;
        this.registerCleanup(() => clearTimeout(this.later));
    }

    async onClick() {
        const isCopied = await this.copy(this.el.dataset.copy);
        if (this.isDestroyed) {
            return;
        }
        this.say(isCopied ? _t("Copied") : _t("Not copied"), isCopied);
        clearTimeout(this.later);
        this.later = setTimeout(() => this.say("", false), SAID_MS);
    }

    say(text, isCopied) {
        this.text.textContent = text || this.label;
        this.el.classList.toggle("o_call_wallet_copied", isCopied);
        this.el.nextElementSibling.textContent = text;
    }

    async copy(text) {
        try {
            await navigator.clipboard.writeText(text);
            return true;
        } catch {
            return this.copySelected(text);
        }
    }

    /** The older way: browsers give the clipboard to pages over https alone. */
    copySelected(text) {
        const field = document.createElement("textarea");
        field.value = text;
        field.className = "visually-hidden";
        this.el.after(field);
        field.select();
        const isCopied = document.execCommand("copy");
        field.remove();
        this.el.focus();
        return isCopied;
    }
}

registry.category("public.interactions").add("call_wallet.copy_button", CopyButton);
