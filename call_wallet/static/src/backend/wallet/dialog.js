import { RPCError } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { FormController } from "@web/views/form/form_controller";
import { formView } from "@web/views/form/form_view";
import { useState, useSubEnv } from "@odoo/owl";

const MISTAKES = ["odoo.exceptions.UserError", "odoo.exceptions.ValidationError"];

/**
 * A dialog that says in itself what is wrong with what was entered, and marks the field, instead of opening another
 * dialog over it: `<form js_class="call_wallet_dialog">`.
 *
 * The server decides, and names the field first: "Reason: say why". The field is marked whose label is that.
 */
export class WalletDialogController extends FormController {
    static template = "call_wallet.WalletDialog";

    setup() {
        super.setup();
        this.mistake = useState({ text: "", field: null });
        const execute = this.env.onClickViewButton;
        useSubEnv({ onClickViewButton: (params) => this.tellMistake(() => execute(params)) });
    }

    async tellMistake(execute) {
        await this.forgetMistake();
        try {
            return await execute();
        } catch (error) {
            if (!(error instanceof RPCError) || !MISTAKES.includes(error.exceptionName)) {
                throw error;
            }
            const text = error.data.message;
            const field = this.fieldNamedIn(text);
            Object.assign(this.mistake, { text, field });
            if (field) {
                await this.model.root.setInvalidField(field);
            }
        }
    }

    async forgetMistake() {
        const { field } = this.mistake;
        Object.assign(this.mistake, { text: "", field: null });
        if (field) {
            await this.model.root.resetFieldValidity(field);
        }
    }

    /** Return the name of the field that can be mended and whose label the message begins with. */
    fieldNamedIn(text) {
        const named = text.split(":")[0].trim().toLowerCase();
        const { root } = this.model;
        const candidates = Object.values(this.archInfo.fieldNodes)
            .filter(({ name }) => !root.fields[name].readonly)
            .map(({ name, string }) => [
                name,
                [string, root.fields[name].string].map((label) => (label || "").toLowerCase()),
            ]);
        const exactly = candidates.find(([, labels]) => labels.includes(named));
        const roughly = candidates.find(([, labels]) => labels.some((label) => label.split(" ").includes(named)));
        return (exactly || roughly)?.[0] || null;
    }
}

registry.category("views").add("call_wallet_dialog", { ...formView, Controller: WalletDialogController });
