"""Set-ups of customers, companies, wallets and what their calls name. Each is called with the `World`."""

from odoo import Command

from .books import rate
from .flow import balance, register


def several_addresses(world):
    world.customer_values["email"] = "ap@customer.example, Boss <boss@customer.example>"


def invoice_address(world):
    world.root["res.partner"].create(
        {"name": "Accounts payable", "type": "invoice", "parent_id": world.partner.id, "email": "ap@customer.example"}
    )


def renamed(world):
    world.partner.name = "Customer 2.0"


def archived(world):
    world.partner.active = False


def with_parent(world):
    """The customer is given a parent company in the middle of its business."""
    parent = world.root["res.partner"].create({"name": "Holding", "is_company": True})

    def pay(world, topup):
        register(world, topup.invoice_id)
        world.partner.parent_id = parent

    world.pay = pay


def merged(world):
    """The customer is found twice, and merged with the older one in the middle of its business."""
    twin = world.root["res.partner"].create({"name": "Customer", "is_company": True, "lang": world.setup.lang})

    def pay(world, topup):
        register(world, topup.invoice_id)
        world.settle()
        merge = world.root["base.partner.merge.automatic.wizard"].create({})
        merge._merge((world.partner | twin).ids, twin)
        world.settle()
        world.partner = twin
        assert world.wallet.partner_id == twin

    world.pay = pay


def branch(world):
    """The wallet is a branch's: accounts and journals are its parent's."""
    made = world.root["res.company"].create({"name": "Branch", "parent_id": world.company.id})
    world.company = made
    world.people_see = world.company.parent_id


def second_company(world):
    """The same customer has a wallet in another company, with business in it."""
    other = world.root["res.company"].search([("name", "=", "Books fr")])
    wallet = world.root["call.wallet"].create(
        {
            "partner_id": world.partner.id,
            "company_id": other.id,
            "currency_id": other.currency_id.id,
            "account_ref": "OTHER",
            "tz": "UTC",
        }
    )
    wallet.set_recipients(["billing@customer.example"])
    wallet.refund("5", "Opening credit")


def second_wallet(world):
    euro = world.root.ref("base.EUR")
    rate("EUR", 0.8)(world)
    wallet = world.root["call.wallet"].create(
        {
            "partner_id": world.partner.id,
            "company_id": world.company.id,
            "currency_id": euro.id,
            "account_ref": "OTHER",
            "tz": "UTC",
        }
    )
    wallet.set_recipients(["billing@customer.example"])
    wallet.refund("5", "Opening credit")


def elsewhere(world):
    """Who works has another company selected first."""
    other = world.root["res.company"].search([("name", "=", "Books fr")])
    world.manager.company_ids = [Command.link(other.id)]
    world.manager.company_id = other
    world.env = world.env(context={**world.env.context, "allowed_company_ids": [other.id, world.company.id]})
    world.wallet = world.wallet.with_env(world.env)


def far_away(name):
    def prepare(world):
        world.wallet_values["tz"] = name

    return prepare


def paused(world):
    """Paused and resumed by hand in between."""
    world.wallet.action_pause("Under review")
    world.wallet.action_resume()


def used_up(world):
    """All that was there before the first top-up is used up."""
    world.wallet.refund("0.02", "Opening credit")
    usage = world.root["call.usage"].with_user(world.platform)
    call = {
        "account": world.wallet.account_ref,
        "call_ref": "before",
        "call_type": "whatsapp",
        "number": "+14155550100",
        "started_at": "2026-10-01T00:00:00Z",
        "duration_seconds": 60,
        "status": "completed",
    }
    assert usage.record_calls([call])[0]["result"] == "charged"
    assert balance(world) == 0


def archived_names(world):
    """The campaign and the manager of the calls were archived before."""
    world.root["utm.campaign"].create({"title": "Spring & <Söhne>", "name": "Spring & <Söhne>", "active": False})
    world.root["res.partner"].create({"name": "Mary Manager", "parent_id": world.partner.id, "active": False})


def no_names(world):
    """Another module lets no campaign and no contact be made: both need a field that nobody fills."""
    for table in ("utm_campaign", "res_partner"):
        world.root.cr.execute(f"ALTER TABLE {table} ADD COLUMN cw_required varchar")
        world.root.cr.execute(f"UPDATE {table} SET cw_required = 'x'")
        world.root.cr.execute(f"ALTER TABLE {table} ALTER COLUMN cw_required SET NOT NULL")


def product_archived(world):
    world.root.ref("call_wallet.product_topup").active = False
