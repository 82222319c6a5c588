"""The house rules of the addon that a machine can check: rooms, doors, and who builds on whom.

`make lint` runs them; `tests/test_rooms.py` plants a fault for each and sees it found.
"""

import ast
import re
from collections import defaultdict
from typing import NamedTuple

# Second files for a model in its room: each a subject of its own that a reader looks for by name.
SUBJECTS = {
    "rates/call_rate_import_cost.py": "call.rate.import",
    "rates/call_rate_import_read.py": "call.rate.import",
    "sources/call_source_call_legs.py": "call.source.call",
    "usage/call_usage_record.py": "call.usage",
    "rerating/call_usage_rerate_preview.py": "call.usage.rerate",
    "rerating/call_usage_rerate_post.py": "call.usage.rerate",
    "topup/call_wallet_topup_sync.py": "call.wallet.topup",
    "topup/call_wallet_topup_transfer.py": "call.wallet.topup",
    "topup/call_wallet_topup_payback.py": "call.wallet.topup",
    "topup/call_wallet_topup_unfunded.py": "call.wallet.topup",
    "topup/call_wallet_topup_story.py": "call.wallet.topup",
    "topup/account_move_content.py": "account.move",
    "topup/payment_transaction_refund.py": "payment.transaction",
    "auto_topup/call_wallet_run.py": "call.wallet",
    "auto_topup/call_wallet_auto_topup_charge.py": "call.wallet.auto.topup",
    "stripe/payment_transaction_checkout.py": "payment.transaction",
    "stripe/payment_transaction_events.py": "payment.transaction",
    "stripe/call_wallet_stripe_event_sweep.py": "call.wallet.stripe.event",
    "stripe/call_wallet_stripe_payout_match.py": "call.wallet.stripe.payout",
    "accounting/call_wallet_posting_entry.py": "call.wallet.posting",
    "accounting/call_wallet_posting_rest.py": "call.wallet.posting",
    "accounting/call_wallet_reconciliation_paper.py": "call.wallet.reconciliation",
}
MOST_CLASSES = {"call.wallet": 12}
# Lines. A method does one job, a file is one subject. The docstring of a method does not count.
LONGEST_METHOD, LONGEST_FILE = 40, 500

DOORS = {"door", "books_door", "in_books"}
# Where transactions are made; nobody else commits or rolls back.
DOOR_FILE = "tools/door.py"
ENDS = {"commit", "rollback"}

# Below the rooms: these import nothing of the rooms or of what stands above them.
GROUND = ("tools", "rating", "const", "api_schema")
ABOVE = ("wizards", "controllers", "reports", "demo", "hooks")


class Definition(NamedTuple):
    """A class of the addon that defines or extends a model, or a controller."""

    path: str
    name: str
    model: str
    methods: tuple
    overrides: tuple
    bases: tuple


def check(addon):
    """Return the findings in the addon at the path ``addon``: sentences that name file and fault."""
    sources = {
        path.relative_to(addon).as_posix(): ast.parse(path.read_text())
        for path in sorted(addon.rglob("*.py"))
        if path.relative_to(addon).parts[0] not in ("tests", "migrations")
    }
    definitions = [definition for path, tree in sources.items() for definition in _definitions(path, tree)]
    models = [definition for definition in definitions if definition.model]
    return [
        *_one_class_a_room(models),
        *_files_named_after_models(models),
        *_one_definition_a_method(models),
        *_controllers_without_super(definitions),
        *_doors(sources),
        *_order(sources),
        *_frontend(addon),
        *_bill(addon, definitions),
        *_flows(addon, sources),
        *_lengths(addon, sources),
    ]


def _definitions(path, tree):
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            values = {
                item.targets[0].id: ast.literal_eval(item.value)
                for item in node.body
                if isinstance(item, ast.Assign)
                and isinstance(item.targets[0], ast.Name)
                and item.targets[0].id in ("_name", "_inherit")
            }
            model = values.get("_name") or values.get("_inherit")
            functions = [item for item in node.body if isinstance(item, ast.FunctionDef)]
            methods = tuple(item.name for item in functions)
            # A model of our own calls Odoo's methods by super(), too; those are no bill.
            overrides = tuple(
                item.name
                for item in functions
                if "_name" not in values and _calls_super(item) and not item.name.startswith("__")
            )
            bases = tuple(ast.unparse(base).rpartition(".")[2] for base in node.bases)
            yield Definition(path, node.name, model if isinstance(model, str) else None, methods, overrides, bases)


def _calls_super(function):
    return any(isinstance(node, ast.Call) and getattr(node.func, "id", None) == "super" for node in ast.walk(function))


def _room(path):
    """Return the room that a file of the models is in, or None."""
    parts = path.split("/")
    return parts[1] if parts[0] == "models" and len(parts) == 3 else None


# === ONE CLASS A MODEL AND ROOM === #


def _one_class_a_room(models):
    places = defaultdict(list)
    for definition in models:
        room = _room(definition.path)
        if room and SUBJECTS.get(definition.path.removeprefix("models/")) != definition.model:
            places[room, definition.model].append(definition.path)
    for (room, model), paths in places.items():
        if len(paths) > 1:
            yield f"{paths[1]}: {model} has a class in the room {room} already, in {paths[0]}"
    for model, most in MOST_CLASSES.items():
        count = sum(definition.model == model for definition in models)
        if count > most:
            yield f"{model}: {count} classes; {most} at most"


def _files_named_after_models(models):
    for definition in models:
        room, stem = _room(definition.path), definition.path.rpartition("/")[2].removesuffix(".py")
        is_subject = SUBJECTS.get(definition.path.removeprefix("models/")) == definition.model
        if room and not is_subject and stem != definition.model.replace(".", "_"):
            yield f"{definition.path}: a file is named after its model, {definition.model}"


def _one_definition_a_method(models):
    """No method of ours is overridden inside the addon, and a method of Odoo's is overridden once."""
    places = defaultdict(list)
    for definition in models:
        for method in definition.methods:
            places[definition.model, method].append(definition.path)
    for (model, method), paths in places.items():
        if len(paths) > 1:
            yield f"{paths[1]}: {method} of {model} is defined in {paths[0]} already; make it a named step"


def _controllers_without_super(definitions):
    ours = {definition.name: definition for definition in definitions if not definition.model}
    for definition in ours.values():
        for base in definition.bases:
            for method in set(definition.methods) & set(ours[base].methods if base in ours else ()):
                yield f"{definition.path}: {method} overrides {base}'s; make it a named step"


# === DOORS === #


def _doors(sources):
    for path, tree in sources.items():
        if path == DOOR_FILE:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and not _is_door(node):
                for call in _own_calls(node):
                    name = getattr(call.func, "id", None)
                    if name in DOORS:
                        yield f"{path}:{call.lineno}: {node.name} is no door, and opens one"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ENDS:
                if ast.unparse(node.func.value).endswith("cr"):
                    yield f"{path}:{node.lineno}: {node.func.attr} outside of {DOOR_FILE}"


def _is_door(function):
    marks = {ast.unparse(mark) for mark in function.decorator_list}
    is_method = bool(function.args.args) and function.args.args[0].arg == "self"
    public = not function.name.startswith("_") or function.name.startswith("_cron_")
    return public or "worker" in marks or not is_method and "api.model" not in marks


def _own_calls(function):
    """Return the calls in a function, without those in functions inside it."""
    waiting, calls = list(ast.iter_child_nodes(function)), []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            continue
        if isinstance(node, ast.Call):
            calls.append(node)
        waiting += ast.iter_child_nodes(node)
    return calls


# === WHO BUILDS ON WHOM === #


def _order(sources):
    rooms = [
        alias.name
        for node in sources["models/__init__.py"].body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    heights = {**dict.fromkeys(GROUND, 0), **{room: 1 + index for index, room in enumerate(rooms)}}
    heights.update(dict.fromkeys(ABOVE, 1 + len(rooms)))
    for path, tree in sources.items():
        here = _place(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level and not path.endswith("__init__.py"):
                for target in _targets(path, node):
                    there = _place(target)
                    if here in heights and there in heights and heights[there] > heights[here]:
                        yield f"{path}:{node.lineno}: {here} imports from {there}, which builds on it"


def _place(path):
    parts = path.removesuffix(".py").split("/")
    return parts[1] if parts[0] == "models" and len(parts) > 1 else parts[0]


def _targets(path, node):
    base = path.split("/")[: -node.level]
    module = [*base, *(node.module.split(".") if node.module else [])]
    return ["/".join(module)] if node.module else ["/".join([*module, alias.name]) for alias in node.names]


def _bill(addon, definitions):
    """Every override of a method of Odoo's stands in docs/architecture.md with its reason: the next upgrade's bill."""
    page = addon.parent / "docs" / "architecture.md"
    text = page.read_text() if page.exists() else ""
    ours = {definition.name for definition in definitions}
    for definition in definitions:
        extends = definition.model or next((base for base in definition.bases if base not in ours), None)
        if extends and not extends.startswith("call."):
            lines = [line for line in text.splitlines() if f"`{extends}`" in line.partition(" | ")[0]]
            for method in definition.overrides:
                if not any(f"`{method}`" in line for line in lines):
                    yield f"{definition.path}: {extends} {method} overrides Odoo's and is not in docs/architecture.md"


# Such as `usage/call_usage_record      record_calls    the door`; `tools/...` and `rating/` lie beside the rooms.
STEP = re.compile(r"\b([a-z_]+)/([a-z_]+(?:, [a-z_]+)*) +([a-z_]+(?:, [a-z_]+)*)(?=  | *[┐├┘│]| *$)", re.M)


def _flows(addon, sources):
    """What docs/architecture.md draws a call's and a dollar's way by is there."""
    page = addon.parent / "docs" / "architecture.md"
    text = page.read_text() if page.exists() else ""
    for drawing in re.findall(r"```\n(.*?)```", text, re.S):
        for room, files, methods in STEP.findall(drawing):
            for file in files.split(", "):
                path = f"{room}/{file}.py"
                tree = sources.get(f"models/{path}") or sources.get(path)
                names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} if tree else set()
                for method in sorted(set(methods.split(", ")) - names):
                    yield f"docs/architecture.md: {room}/{file} has no {method}"


# === LENGTHS === #


def _lengths(addon, sources):
    for path, tree in sources.items():
        if len((addon / path).read_text().splitlines()) > LONGEST_FILE:
            yield f"{path}: more than {LONGEST_FILE} lines; find the second subject in it"
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and _lines_of_code(node) > LONGEST_METHOD:
                yield f"{path}:{node.lineno}: {node.name} has more than {LONGEST_METHOD} lines; give it one job"


def _lines_of_code(function):
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return lines
    text = function.body[0]
    return lines - (text.end_lineno - text.lineno + 1)


# === THE BROWSER === #


def _frontend(addon):
    """The pages of owners take nothing from the back office: what both need is in ``common``."""
    manifest = ast.literal_eval((addon / "__manifest__.py").read_text())
    for path in manifest.get("assets", {}).get("web.assets_frontend", []):
        if "/backend/" in path:
            yield f"__manifest__.py: web.assets_frontend takes {path}"
    for folder, others in (("portal", "backend"), ("common", "backend|portal"), ("backend", "portal")):
        for path in sorted((addon / "static/src" / folder).rglob("*.js")):
            for match in re.finditer(rf'from\s+"@call_wallet/({others})/[^"]*"', path.read_text()):
                yield f"{path.relative_to(addon)}: imports from {match.group(1)}"
