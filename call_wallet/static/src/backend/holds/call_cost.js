/** How long a call has been going on, in whole seconds. */
export function secondsOf(call, now = Date.now()) {
    return call.endedAfter ?? Math.max(Math.floor((now - call.startedHere) / 1000), 0);
}

/**
 * What a call costs so far, for display: the charge itself is worked out by the server, which
 * prices by the same terms (billed seconds are whole increments, a minimum, free seconds).
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

/** 75 -> "1:15", 3675 -> "1:01:15". */
export function clock(seconds) {
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const [hours, minutes, rest] = parts;
    const twoDigits = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${twoDigits(minutes)}:${twoDigits(rest)}` : `${minutes}:${twoDigits(rest)}`;
}
