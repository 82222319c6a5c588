import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { isEmail } from "@web/core/utils/strings";

/**
 * Return what is wrong with an address that is to be added to the recipients; empty where nothing is.
 *
 * @param {string} email trimmed and in lower case
 * @param {string[]} recipients the addresses that are in the list
 */
export function recipientProblem(email, recipients) {
    if (!isEmail(email)) {
        return _t("%s is not a valid e-mail address; write it like name@company.com.", email);
    }
    return recipients.includes(email) ? _t("%s is in the list already.", email) : "";
}

/** Ask before the last recipient is removed: without one no call can start. */
export function askToRemoveLastRecipient(dialog, confirm, cancel = () => {}) {
    dialog.add(ConfirmationDialog, {
        title: _t("Remove the last recipient?"),
        body: _t("Without a recipient the wallet returns to Not Set Up: no call can start. The balance stays."),
        confirmLabel: _t("Remove"),
        cancelLabel: _t("Keep"),
        confirm,
        cancel,
    });
}
