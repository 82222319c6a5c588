import { patch } from "@web/core/utils/patch";
import { VoipAgent } from "@voip_oca/services/voip_agent_service.esm";

/**
 * Whatever starts a call in the softphone (its keys, a contact, an activity, a number in a list) comes through `call`.
 * Where the company has a wallet, it is asked first, and what it has allowed is dialled by `dialAllowed`.
 *
 * `wallet` is the service of `softphone.js`; it is not there yet while the pages' services start.
 */
patch(VoipAgent.prototype, {
    async call({ number, partner }) {
        const wanted = number || partner?.phone;
        // Elsewhere than in production nothing is dialled, so there is nothing to pay for.
        if (this.voip.mode !== "prod" || !wanted || !(await this.wallet?.pays(wanted))) {
            return super.call(...arguments);
        }
        await this.wallet.ask(wanted, partner);
    },

    /** Dial a number that the wallet has allowed. */
    dialAllowed({ number, partner }) {
        return super.call({ number, partner });
    },

    createCall(options) {
        const ref = options.type_call === "outgoing" && this.wallet?.call?.call_ref;
        return super.createCall(ref ? { ...options, call_wallet_ref: ref } : options);
    },

    async onInvite(session) {
        if (this.wallet?.session) {
            // Otherwise it would take the place of the call in progress, which nobody could end any more.
            session.reject({ statusCode: 486 });
            return;
        }
        return super.onInvite(...arguments);
    },

    transfer(number) {
        const refusal = this.wallet?.transferRefusal(number);
        if (refusal) {
            this.notification.add(refusal, { type: "warning" });
            return;
        }
        return super.transfer(...arguments);
    },

    _onInviteRejected(response) {
        this.wallet?.rejected(response.message.statusCode);
        return super._onInviteRejected(...arguments);
    },

    async _onHanghup(bye) {
        if (this.wallet?.session) {
            this.wallet.isNoticed = true;
            // The other side waits for an answer when it has hung up (RFC 3261, 15.1.2).
            bye?.accept?.();
        }
        return super._onHanghup(...arguments);
    },
});
