import { registry } from "@web/core/registry";
import { kanbanView } from "@web/views/kanban/kanban_view";
import { KanbanController } from "@web/views/kanban/kanban_controller";
import { ListController } from "@web/views/list/list_controller";
import "../ledger/wallet_list";
import { useOverviewChanges } from "./overview_changes";

const views = registry.category("views");

/** Have a list read again while it is open, with what was chosen in it, where it was scrolled to and how it is filtered. */
function useLiveRecords(controller) {
    useOverviewChanges(async () => {
        const { root, isReady, useSampleModel } = controller.model;
        if (!isReady || root.editedRecord) {
            return;
        }
        if (useSampleModel) {
            // What is shown is made up, until there is something to show.
            await controller.model.load();
            return;
        }
        const before = [...(root.records || [])];
        await root.load();
        // Asked afterwards: somebody may choose one while the list is read.
        const chosen = new Set(before.filter(({ selected }) => selected).map(({ resId }) => resId));
        for (const record of root.records || []) {
            if (chosen.has(record.resId)) {
                record.toggleSelection(true);
            }
        }
    });
}

export class LiveListController extends ListController {
    setup() {
        super.setup();
        useLiveRecords(this);
    }
}

export class LiveKanbanController extends KanbanController {
    setup() {
        super.setup();
        useLiveRecords(this);
    }
}

views.add("call_wallet_live_list", { ...views.get("call_wallet_list"), Controller: LiveListController });
views.add("call_wallet_live_kanban", { ...kanbanView, Controller: LiveKanbanController });
