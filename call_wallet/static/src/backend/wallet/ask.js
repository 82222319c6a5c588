import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { registry } from "@web/core/registry";

const RELOAD = { type: "ir.actions.client", tag: "soft_reload" };

/**
 * Ask before a method is called. The server words the question, which names what it is about and the amount; see
 * `tools/ask.py` for the parameters.
 */
function ask(env, { params }) {
    return new Promise((resolve) => {
        let next;
        env.services.dialog.add(
            ConfirmationDialog,
            {
                title: params.title,
                body: params.question,
                confirmLabel: params.answer,
                cancelLabel: params.keep,
                confirm: async () => {
                    const action = await env.services.orm.call(params.model, params.method, [params.ids]);
                    next = action?.type ? action : RELOAD;
                },
                cancel: () => {},
            },
            { onClose: () => resolve(next) }
        );
    });
}

registry.category("actions").add("call_wallet_ask", ask);
