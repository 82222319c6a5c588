/** Return how long a call has been going on, in whole seconds; 0 while it rings. */
export function secondsOf(call, now = Date.now()) {
    const passed = call.startedHere ? Math.floor((now - call.startedHere) / 1000) : 0;
    return call.endedAfter ?? Math.max(passed, 0);
}

/**
 * Return what a call costs so far, as a number in the wallet's currency, for display only. The server works out the
 * charge itself, by the same rule (`rating/engine.py`): nothing within the grace; free seconds come off the duration;
 * the rest is billed in a first block or a minimum, then in whole increments; the fee is for connecting.
 */
export function costSoFar(call, seconds) {
    if (!seconds || seconds <= (call.grace_seconds || 0)) {
        return 0;
    }
    const talk = Math.max(seconds - (call.free_seconds || 0), 0);
    return (Number(call.rate) * billedSeconds(call, talk)) / 60 + Number(call.connection_fee || 0);
}

/** Return how many seconds are billed for so many seconds of talk after the free ones. */
function billedSeconds(call, talk) {
    if (!talk) {
        return 0;
    }
    const increment = call.increment_seconds || 60;
    const roundUp = (amount) => Math.ceil(amount / increment) * increment;
    const block = call.first_block_seconds || 0;
    return block ? block + roundUp(Math.max(talk - block, 0)) : roundUp(Math.max(talk, call.minimum_seconds || 0));
}

/** Format seconds as a clock does: 75 as "1:15", 3675 as "1:01:15". */
export function clock(seconds) {
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const [hours, minutes, rest] = parts;
    const twoDigits = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${twoDigits(minutes)}:${twoDigits(rest)}` : `${minutes}:${twoDigits(rest)}`;
}
