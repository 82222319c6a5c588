export const CHANGED = "call_wallet/changed";
export const ALERT = "call_wallet/alert";

/** Whether messages arrive: without websockets a page has to ask by itself. */
export const isConnected = (bus) => bus.workerState === "CONNECTED";
