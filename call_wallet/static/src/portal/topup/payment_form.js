import { PaymentForm } from "@payment/interactions/payment_form";
import { patch } from "@web/core/utils/patch";

/** Of a top-up: whoever chooses a bank transfer pays nothing by the button, which says "Confirm" then. */
patch(PaymentForm.prototype, {
    _isPayLaterPaymentMethod(paymentMethodCode) {
        const isTransfer = paymentMethodCode === "wire_transfer" && this.el.closest(".o_call_wallet_pay");
        return Boolean(isTransfer) || super._isPayLaterPaymentMethod(paymentMethodCode);
    },
});
