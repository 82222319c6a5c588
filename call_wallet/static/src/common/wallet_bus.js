export const CHANGED = "call_wallet/changed";
export const ALERT = "call_wallet/alert";
export const OVERVIEW = "call_wallet/overview";
// The server sends at most one message a second about a wallet. Looking again after that second shows what
// changed in the meantime.
export const LOOK_AGAIN_MS = 1100;
// Likewise for the overview of all wallets, of which there is a message every five seconds at most.
export const LOOK_OVER_AGAIN_MS = 5500;
// The server sends messages only about wallets that were watched in the last two minutes, so a page that stays
// open renews its watch every minute.
export const WATCH_MS = 60000;

/** Return whether messages arrive. Without a websocket a page has to poll. */
export const isConnected = (bus) => bus.workerState === "CONNECTED";
