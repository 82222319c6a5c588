import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";
import { useService } from "@web/core/utils/hooks";
import { formPhoneField, PhoneField } from "@web/views/fields/phone/phone_field";
import { useState } from "@odoo/owl";
import { CallButton } from "./call_button";

/**
 * Adds the call buttons to the phone fields of forms, for users whose calls a wallet pays for; for everybody else
 * Odoo's field stays as it is and nothing is asked. `options="{'enable_call': False}"` leaves them out of a field.
 */
patch(PhoneField, {
    components: { ...PhoneField.components, CallButton },
    props: { ...PhoneField.props, enableCall: { type: Boolean, optional: true } },
});

patch(PhoneField.prototype, {
    setup() {
        super.setup(...arguments);
        this.calls = useState(useService("call_wallet.call").state);
    },

    get hasCallButtons() {
        return Boolean(this.props.enableCall && this.calls.wallet);
    },

    get callCountryId() {
        return this.props.record.data.country_id?.id;
    },

    get callName() {
        return this.props.record.data.name || this.props.record.data.display_name || undefined;
    },
});

patch(formPhoneField, {
    extractProps({ options }) {
        return { ...super.extractProps(...arguments), enableCall: options.enable_call ?? true };
    },
    supportedOptions: [
        ...(formPhoneField.supportedOptions || []),
        { label: _t("Enable calls"), name: "enable_call", type: "boolean", default: true },
    ],
});
