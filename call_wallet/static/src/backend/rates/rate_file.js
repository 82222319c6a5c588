import { _t } from "@web/core/l10n/translation";
import { useDropzone } from "@web/core/dropzone/dropzone_hook";
import { registry } from "@web/core/registry";
import { checkFileSize } from "@web/core/utils/files";
import { useService } from "@web/core/utils/hooks";
import { getDataURLFromFile, url } from "@web/core/utils/urls";
import { session } from "@web/session";
import { BinaryField, binaryField } from "@web/views/fields/binary/binary_field";
import { useRef, useState } from "@odoo/owl";

const KINDS = /\.(csv|txt|tsv|xlsx)$/i;
const DEFAULT_MAX = 128 * 1024 * 1024;
// As the server's, whose limit for a price list is in bytes.
const MOST = 100_000_000;

/** The file of a rate import: dropped, or chosen by mouse or keyboard, with what is taken said before. */
export class RateFile extends BinaryField {
    static template = "call_wallet.RateFile";

    setup() {
        super.setup();
        this.notification = useService("notification");
        this.zone = useRef("zone");
        this.state = useState({ isReading: false });
        useDropzone(
            this.zone,
            (ev) => this.onDrop(ev),
            "",
            () => !this.props.readonly
        );
    }

    get accepted() {
        return ".csv,.txt,.tsv,.xlsx";
    }

    get megabytes() {
        return Math.floor(Math.min(session.max_file_upload_size || DEFAULT_MAX, MOST) / 1_000_000);
    }

    template(format) {
        const plan = this.props.record.data.plan_id;
        return url("/call_wallet/rate_import/template", { format, plan_id: plan ? plan.id : "" });
    }

    onDrop(ev) {
        const files = [...ev.dataTransfer.files];
        if (files.length > 1) {
            this.notification.add(_t("One file at a time."), { type: "danger" });
        } else if (files.length) {
            this.take(files[0]);
        }
    }

    onChosen(ev) {
        const [file] = ev.target.files;
        ev.target.value = null;
        if (file) {
            this.take(file);
        }
    }

    async take(file) {
        if (!KINDS.test(file.name)) {
            this.notification.add(_t("%s is neither CSV nor XLSX.", file.name), { type: "danger" });
            return;
        }
        if (!file.size) {
            this.notification.add(_t("%s is empty.", file.name), { type: "danger" });
            return;
        }
        if (!checkFileSize(file.size, this.notification)) {
            return;
        }
        this.state.isReading = true;
        try {
            const data = await getDataURLFromFile(file);
            await this.update({ data: data.split(",")[1], name: file.name });
        } finally {
            this.state.isReading = false;
        }
    }
}

registry.category("fields").add("call_wallet_rate_file", { ...binaryField, component: RateFile });
