import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";
import { useService } from "@web/core/utils/hooks";
import { formPhoneField, PhoneField } from "@web/views/fields/phone/phone_field";
import { useState } from "@odoo/owl";
import { CallButton } from "./call_button";

/** Every phone field of a form has the call buttons; `options="{'enable_call': False}"` leaves them out. */
patch(PhoneField, {
    components: { ...PhoneField.components, CallButton },
    props: { ...PhoneField.props, enableCall: { type: Boolean, optional: true } },
});

patch(PhoneField.prototype, {
    setup() {
        super.setup(...arguments);
        this.calls = useState(useService("call_wallet.call").state);
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
