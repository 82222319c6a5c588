import { rpcBus } from "@web/core/network/rpc";
import { UPDATE_METHODS } from "@web/core/orm_service";

const BUTTONS = /^\/web\/(dataset\/call_button|action\/run)(\/|$)/;

function isAction(url, { method = "" } = {}) {
    return BUTTONS.test(url) || UPDATE_METHODS.includes(method) || method.startsWith("action_");
}

/**
 * Call `react` as soon as the server has answered something that was done on this page: a button, a record saved.
 *
 * @param {() => void} react
 * @returns {() => void} ends it
 */
export function onOwnActions(react) {
    const asked = new Set();
    const onRequest = ({ detail: { data, url } }) => isAction(url, data.params) && asked.add(data.id);
    const onResponse = ({ detail: { data } }) => asked.delete(data.id) && react();
    rpcBus.addEventListener("RPC:REQUEST", onRequest);
    rpcBus.addEventListener("RPC:RESPONSE", onResponse);
    return () => {
        rpcBus.removeEventListener("RPC:REQUEST", onRequest);
        rpcBus.removeEventListener("RPC:RESPONSE", onResponse);
    };
}
