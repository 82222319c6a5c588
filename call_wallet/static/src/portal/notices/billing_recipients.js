import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";
import { askToRemoveLastRecipient, recipientProblem } from "@call_wallet/common/notices/recipients";

/** Shows the recipients as chips: type an address, and Enter adds it. Without scripts they are check boxes. */
export class BillingRecipients extends Interaction {
    static selector = ".o_call_wallet_notifications";
    dynamicContent = {
        _root: { "t-on-submit": this.onSubmit },
        "[name=new_email]": { "t-on-keydown": this.onKeydown, "t-on-paste": this.onPaste },
        ".o_call_wallet_add_recipient": { "t-on-click": this.onAdd },
        ".o_call_wallet_chips": { "t-on-click": this.onChips },
    };

    setup() {
        this.input = this.el.querySelector("[name=new_email]");
        this.chips = this.el.querySelector(".o_call_wallet_chips");
        this.problem = this.el.querySelector("#o_call_wallet_recipients_problem");
        this.said = this.el.querySelector(".o_call_wallet_said");
        // A field for several addresses is checked by the browser before we can split what was typed.
        this.input.multiple = false;
        this.chips.querySelectorAll("li").forEach((chip) => this.enhance(chip));
        this.el.querySelector(".o_call_wallet_add_recipient").classList.remove("d-none");
    }

    enhance(chip) {
        chip.querySelector("[name=emails]").type = "hidden";
        chip.querySelector("button").classList.remove("d-none");
    }

    get emails() {
        return [...this.chips.querySelectorAll("[name=emails]")].map((input) => input.value);
    }

    // Event handlers

    onKeydown(ev) {
        if (["Enter", ",", ";"].includes(ev.key) && (this.input.value.trim() || ev.key !== "Enter")) {
            ev.preventDefault();
            this.add();
        } else if (ev.key === "Enter") {
            // Enter confirms an address; it does not save.
            ev.preventDefault();
        } else if (ev.key === "Backspace" && !this.input.value) {
            this.chips.querySelector("li:last-child button")?.focus();
        }
    }

    onPaste(ev) {
        const pasted = ev.clipboardData
            .getData("text")
            .split(/[\s,;]+/)
            .filter(Boolean);
        if (pasted.length > 1) {
            ev.preventDefault();
            for (const email of pasted) {
                this.input.value = email;
                if (!this.add()) {
                    return;
                }
            }
        }
    }

    onAdd() {
        this.add();
        this.input.focus();
    }

    onChips(ev) {
        const chip = ev.target.closest("button")?.closest("li");
        if (chip) {
            this.remove(chip);
        }
    }

    onSubmit(ev) {
        if (ev.submitter?.name === "confirm" || this.isConfirmed) {
            return;
        }
        if (!this.add()) {
            ev.preventDefault();
            return;
        }
        if (!this.emails.length) {
            ev.preventDefault();
            if (this.el.dataset.isSaved === "true") {
                askToRemoveLastRecipient(this.services.dialog, () => this.confirmLast());
            } else {
                this.say(_t("Enter at least one e-mail address."));
            }
        }
    }

    // Actions

    /** Add what was typed; return whether nothing is left to correct. */
    add() {
        const email = this.input.value.trim().toLowerCase();
        this.say("");
        if (!email) {
            return true;
        }
        const problem = recipientProblem(email, this.emails);
        if (problem) {
            this.say(problem);
            this.input.focus();
            return false;
        }
        this.append(email);
        return true;
    }

    append(email) {
        const chip = this.el.querySelector(".o_call_wallet_chip_template").content.cloneNode(true).querySelector("li");
        chip.querySelector("[name=emails]").value = email;
        chip.querySelector("label span").textContent = email;
        chip.querySelector("button").setAttribute("aria-label", _t("Remove %s", email));
        this.enhance(chip);
        this.chips.append(chip);
        this.input.value = "";
        this.said.textContent = _t("%s added; save to keep it.", email);
    }

    remove(chip) {
        const email = chip.querySelector("[name=emails]").value;
        const next = chip.nextElementSibling || chip.previousElementSibling;
        chip.remove();
        this.said.textContent = _t("%s removed; save to keep it so.", email);
        (next?.querySelector("button") || this.input).focus();
    }

    say(problem) {
        this.problem.textContent = problem;
        this.input.classList.toggle("is-invalid", Boolean(problem));
        this.input.setAttribute("aria-invalid", Boolean(problem));
    }

    confirmLast() {
        this.isConfirmed = true;
        const confirm = document.createElement("input");
        Object.assign(confirm, { type: "hidden", name: "confirm", value: "1" });
        this.el.append(confirm);
        this.el.requestSubmit();
    }
}

registry.category("public.interactions").add("call_wallet.billing_recipients", BillingRecipients);
