"""What the reconciliation knows: a wallet's figures, a currency's wallets, a company's books. Values, no database."""

from dataclasses import dataclass, field, fields
from decimal import Decimal

from .fields import ZERO


@dataclass
class Figures:
    """What is known of one wallet at the end of a day: Decimals.

    Amounts are in the wallet's currency, values in the company's. Each figure has its own
    source rows. None is worked out from the difference, or a wrong journal item would explain itself.
    """

    # From the ledger's daily totals.
    opening: Decimal = ZERO
    added: Decimal = ZERO
    used: Decimal = ZERO
    refunded: Decimal = ZERO
    reversed: Decimal = ZERO
    # From the journal items on the deposit account.
    general_ledger: Decimal = ZERO
    # From the heads of the top-ups' invoices and credit notes, and the ledger's rows of top-ups.
    invoiced: Decimal = ZERO
    credited: Decimal = ZERO
    # From what settled the invoices and is no money.
    settled_without_funds: Decimal = ZERO
    # From the ledger's rows, by the entry they are noted to be in.
    unposted: Decimal = ZERO
    # From what the posting noted for each entry: what was used up to the day and is in an entry of a later one, and
    # what is in an entry of the day or before and was charged later, because its call was reported late.
    posted_later: Decimal = ZERO
    posted_earlier: Decimal = ZERO
    remainder: Decimal = ZERO
    # Of what was used in the month: calls of months before, and what of them is revenue of this month.
    earlier_periods: Decimal = ZERO
    earlier_periods_booked: Decimal = ZERO
    posted_value: Decimal = ZERO
    # From the heads of the documents, at their rates.
    invoiced_value: Decimal = ZERO
    # From the journal items.
    ledger_value: Decimal = ZERO

    @property
    def closing(self):
        return self.opening + self.added - self.used + self.refunded - self.reversed

    @property
    def awaiting_payment(self):
        return self.invoiced - self.credited - self.settled_without_funds

    @property
    def not_posted(self):
        return self.unposted + self.posted_later - self.posted_earlier

    @property
    def explained(self):
        """What the general ledger should say."""
        open_funds = self.awaiting_payment + self.settled_without_funds
        return self.closing + open_funds + self.not_posted + self.remainder

    @property
    def unexplained(self):
        return self.general_ledger - self.explained

    @property
    def expected_value(self):
        """What the wallet's documents and entries should be worth on the deposits, in the company's currency."""
        return self.invoiced_value - self.posted_value

    @property
    def unexplained_value(self):
        return self.ledger_value - self.expected_value

    @property
    def differs(self):
        return bool(self.unexplained or self.unexplained_value)


FIGURES = tuple(field.name for field in fields(Figures))

# The order in which they are shown: the roll-forward, and then the proof.
COLUMNS = (
    "opening", "added", "used", "refunded", "reversed", "closing",
    "awaiting_payment", "settled_without_funds", "not_posted", "remainder", "general_ledger", "unexplained",
)  # fmt: skip

# What the columns are made of: of what was not posted, and of what was used.
PARTS = ("unposted", "posted_later", "posted_earlier", "earlier_periods", "earlier_periods_booked")

# The same in the company's currency, by documents and entries.
VALUE_COLUMNS = ("ledger_value", "expected_value", "unexplained_value")

# What should be zero.
WRONG = ("unexplained", "unexplained_value", "settled_without_funds")


@dataclass
class Loose:
    """Items on the deposit accounts that belong to no wallet: Decimals, in their currency and in the company's."""

    amount: Decimal = ZERO
    value: Decimal = ZERO
    items: int = 0


@dataclass
class Section:
    """The wallets of one currency: their figures, the totals, and what belongs to none of them."""

    currency: object
    own_currency: object
    rows: list = field(default_factory=list)
    total: Figures = field(default_factory=Figures)
    loose: Loose = field(default_factory=Loose)

    def add(self, wallet, figures):
        self.rows.append((wallet, figures))
        for name in FIGURES:
            setattr(self.total, name, getattr(self.total, name) + getattr(figures, name))

    @property
    def overdrawn(self):
        """What customers owe by the books: deposits below zero, which at a month's end stand on their own account."""
        return -sum((min(figures.general_ledger, ZERO) for _wallet, figures in self.rows), ZERO)

    @property
    def owed(self):
        """What is owed to customers by the books, without those who are overdrawn."""
        return self.total.general_ledger + self.overdrawn

    @property
    def differing(self):
        return [wallet for wallet, figures in self.rows if figures.differs]

    @property
    def unfunded(self):
        return [wallet for wallet, figures in self.rows if figures.settled_without_funds]

    @property
    def shows_values(self):
        """Whether values say something that amounts do not."""
        return self.currency != self.own_currency or any(
            figures.unexplained_value != figures.unexplained for _wallet, figures in self.rows
        )

    @property
    def columns(self):
        return COLUMNS + VALUE_COLUMNS if self.shows_values else COLUMNS


@dataclass
class Books:
    """The deposit accounts of a company on a day, and what stands on them: by currency, and in the company's own."""

    currency: object
    sections: list
    accounts: list  # (account, credit balance in the company's currency)
    year_end: Decimal  # of entries that closed a year and are opened again after the day
    year_ends: list  # (entry, its day, entry that opens again, its day, value)

    @property
    def total(self):
        return sum((balance for _account, balance in self.accounts), ZERO)

    @property
    def loose_value(self):
        return sum((section.loose.value for section in self.sections), ZERO)

    @property
    def loose_items(self):
        return sum(section.loose.items for section in self.sections if section.loose.amount or section.loose.value)

    @property
    def left_over(self):
        """What the accounts say beyond wallets, unassigned items and year-end entries; zero, or this is wrong."""
        wallets = sum((section.total.ledger_value for section in self.sections), ZERO)
        return self.total - wallets - self.loose_value - self.year_end

    def count(self, name):
        """Return how many wallets are in the ``Section``'s list of this name."""
        return sum(len(getattr(section, name)) for section in self.sections)


CONTRACT = (
    "opening", "added", "used", "refunded", "reversed", "closing",
    "general_ledger", "awaiting_payment", "settled_without_funds", "not_posted", "remainder", "unexplained",
    "earlier_periods", "earlier_periods_booked",
    *VALUE_COLUMNS,
)  # fmt: skip


def plain(amount):
    """Return ``amount`` as a decimal string with 6 places, zero without a sign."""
    return f"{amount + ZERO:f}" if amount else "0.000000"


def show(amount, currency, places=0):
    """Return ``amount`` with at least the currency's places, or as many as asked for, and no zeros after those."""
    places = max(places, currency.decimal_places)
    text = f"{amount:,.6f}"
    whole, fraction = text.split(".")
    kept = fraction[:places] + fraction[places:].rstrip("0")
    return f"{whole}.{kept}" if kept else whole
