/** Return how long a call has been going on, in whole seconds. */
export function secondsOf(call, now = Date.now()) {
    return call.endedAfter ?? Math.max(Math.floor((now - call.startedHere) / 1000), 0);
}

/**
 * Return what a call costs so far, as a number in the wallet's currency, for display only. The server works out the
 * charge itself, by the same terms: whole increments, a minimum, free seconds.
 */
export function costSoFar(call, seconds) {
    if (!seconds) {
        return 0;
    }
    const increment = call.increment_seconds || 60;
    const billed = Math.ceil(Math.max(seconds, call.minimum_seconds || 0) / increment) * increment;
    const charged = Math.max(billed - (call.free_seconds || 0), 0);
    return (Number(call.rate) * charged) / 60 + Number(call.connection_fee || 0);
}

/** Format seconds as a clock does: 75 as "1:15", 3675 as "1:01:15". */
export function clock(seconds) {
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const [hours, minutes, rest] = parts;
    const twoDigits = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${twoDigits(minutes)}:${twoDigits(rest)}` : `${minutes}:${twoDigits(rest)}`;
}
