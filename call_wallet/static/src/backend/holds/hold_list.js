import { registry } from "@web/core/registry";
import { kanbanView } from "@web/views/kanban/kanban_view";
import { KanbanController } from "@web/views/kanban/kanban_controller";
import { ListController } from "@web/views/list/list_controller";
import { listView } from "@web/views/list/list_view";
import { WalletListRenderer } from "../ledger/wallet_list";
import { useOverviewChanges } from "../overview/overview_changes";

/** Show calls in progress come and go: looks again when a wallet has changed, unless records are chosen. */
function useFreshRecords(model) {
    useOverviewChanges(async () => {
        if (model.isReady && !model.root.selection?.length) {
            // Nobody has asked for it: what fails here fails when somebody does, and is told then.
            await model.load().catch(() => {});
        }
    });
}

export class HoldListController extends ListController {
    setup() {
        super.setup();
        useFreshRecords(this.model);
    }
}

export class HoldKanbanController extends KanbanController {
    setup() {
        super.setup();
        useFreshRecords(this.model);
    }
}

registry.category("views").add("call_wallet_hold_list", {
    ...listView,
    Controller: HoldListController,
    Renderer: WalletListRenderer,
});
registry.category("views").add("call_wallet_hold_kanban", { ...kanbanView, Controller: HoldKanbanController });
