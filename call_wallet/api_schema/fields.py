"""What is said of a field wherever it occurs."""

from .shape import amount, choice, moment, text, whole, word

CALL_TYPES = ("live", "whatsapp")
DIRECTIONS = ("outbound", "inbound")
STATUSES = ("completed", "no_answer", "busy", "failed", "canceled")
# As `tools/intake` has them; tests compare the two.
MAX_TEXT, MAX_DURATION, MAX_CALLS, DAY = 256, 30 * 24 * 3600, 10_000, 24 * 3600
LARGEST_ID = 2**31 - 1

ACCOUNT = text("The wallet's account reference.", "ACME", minLength=1, maxLength=MAX_TEXT)
CALL_REF = text(
    "Your reference of the call, unique within the account. Whatever is sent again under it with the same content is "
    "done once. Blanks around it are no part of it.",
    "call-7f3a",
    minLength=1,
    maxLength=MAX_TEXT,
)
CALL_TYPE = choice("What kind of call. Other spellings, such as `voice`, are understood.", CALL_TYPES, "live")
DIRECTION = choice("Which way the call goes. Other spellings, such as `incoming`, are understood.", DIRECTIONS)
NUMBER = text(
    "Who is called, or who calls: E.164 of 7 to 15 digits. Also an emergency number of the company (`112`), a WhatsApp "
    "user id (`CO.13491208655302741918`), and on inbound calls what stands for a withheld caller (`anonymous`).",
    "+14155550100",
    maxLength=MAX_TEXT,
)
WITHOUT_NUMBER = "Inbound calls alone may have none: null, or left out."
STATUS = choice(
    "How the call ended. Only `completed` costs anything. Other spellings, such as `ANSWERED`, are understood.",
    STATUSES,
    "completed",
)
STARTED_AT = moment("When the call began: ISO 8601 with an offset or `Z`.", "2026-11-02T09:30:00Z")
DURATION = whole("Whole seconds, rounded as your contracts say.", 0, MAX_DURATION, 61)
CAMPAIGN = text("The campaign it was made for; made when it is new.", "Nurses Manila", maxLength=MAX_TEXT)
MANAGER = text("E-mail or name of the person who made it.", "ana@acme.example", maxLength=MAX_TEXT)
APPLICATION_REF = text("Your application's own id.", "app-17", maxLength=MAX_TEXT)
REASON = text("A sentence that says why; it stands in the call's history.", "Wrong duration", maxLength=MAX_TEXT)
LIMIT = whole("How many rows at most.", 1, MAX_CALLS)
LIMIT_OF_REJECTIONS = whole("How many rows at most.", 1, 1_000)

CURRENCY = text("ISO 4217, of all amounts beside it.", "USD", pattern="^[A-Z]{3}$")
RATE = amount("Price a minute.", "0.039100")
BALANCE = amount("The wallet's balance.", "193.467555")
AVAILABLE = amount("The balance less what calls in progress hold.", "193.076555")
BALANCE_AFTER = amount("The balance right after this transaction.", "193.467555")
TOTAL_COST = amount("What the call costs, to 6 places.", "0.078200")
BILLED_MINUTES = amount("Billed seconds / 60.", "2.000000")
BILLED_SECONDS = whole("Seconds that are charged: rounded up as the price says.", 0, example=120)
TRANSACTION = whole("Id of the row in the wallet's ledger.", 1, example=3005)
HOLD = whole("Id of the hold.", 1, example=71)
REJECTION_CODES = {
    "invalid_call": "What was sent is no object.",
    "missing_field": "A field that is required.",
    "invalid_field": "A value that the field does not take.",
    "unknown_field": "There is no such field.",
    "invalid_number": "The number is no number.",
    "implausible_time": "`started_at` is in the future, or too long ago.",
    "unknown_account": "No wallet has this account reference.",
    "destination_not_contracted": "No price of the contract covers the number on that day.",
    "conflict": "The reference was used for a call with other content.",
    "unknown_call": "A correction of a call that was never charged.",
    "too_late": "A correction longer after the call than is allowed: finance decides.",
    "above_limit": "A correction by a person of finance that gives back more than one person may.",
    "deleted": "The call's number was deleted for privacy: it can be voided, and not amended.",
    "not_open": "Of `retry_rejections`: it was charged, corrected or dismissed meanwhile.",
    "unknown_rejection": "Of `retry_rejections`: there is no such rejected call.",
}
CODE = word(
    "What is wrong, for a program. " + "; ".join(f"`{code}`: {meaning}" for code, meaning in REJECTION_CODES.items()),
    "unknown_account",
)
REASON_GIVEN = text(
    "What is wrong, for a person; begins with the code.",
    "unknown_account: account: no wallet has the account reference NOBODY.",
)
REASON_KEPT = {**REASON_GIVEN, "description": f"{REASON_GIVEN['description']} In the company's language."}
FIELD = text("The field that is wrong.", "account")
MESSAGE = text("A sentence for the person who wants to call.", "The call may start.")
REPORTED_AT = moment("When it was reported first.")

AUTHORIZE_CODES = {
    "ok": "It may.",
    "unknown_account": "No wallet has this account reference.",
    "closed": "The wallet is closed.",
    "not_set_up": "Nobody is told yet when the balance runs low, so no call starts.",
    "paused": "Paused by hand.",
    "no_funds": "Not enough is available.",
    "destination_not_contracted": "No price of the contract covers the number.",
    "invalid_number": "The number is no number.",
    "already_settled": "The call has ended and was charged.",
    "unknown_call": "Of an extension or a release: no such call was authorised, or it was released.",
    "conflict": "Another call is in progress under this reference.",
    "limit_reached": "A limit of the wallet: spent in a day or a month, or calls at once; `limit` says which.",
    "price_limit": "Dearer than the wallet allows, a minute or by its connection fee; `limit` says which.",
}
LIMITS = {
    "day": "spent in a day of the wallet's time zone",
    "month": "spent in a month",
    "calls": "calls at once",
    "price": "price a minute",
    "fee": "connection fee",
}
REFUSING_LIMIT = word(
    "Where a limit of the wallet refuses: which, for a program. "
    + "; ".join(f"`{limit}`: {meaning}" for limit, meaning in LIMITS.items()),
    "day",
)
AUTHORIZE_CODE = choice(
    "; ".join(f"`{code}`: {meaning}" for code, meaning in AUTHORIZE_CODES.items()), AUTHORIZE_CODES, "ok"
)
