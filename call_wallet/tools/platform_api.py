"""Which methods the platform's API has, and its description, made of them."""

import json
from functools import cache

from odoo.models import MetaModel

from ..api_schema.document import build
from ..api_schema.methods import METHODS


def methods():
    """Return {"model.method": function} of the methods that have a shape; no database is needed."""
    found = {}
    for model_class in MetaModel._module_to_models__["call_wallet"]:
        names = {getattr(model_class, "_name", None), *_listed(getattr(model_class, "_inherit", ()))}
        for method, function in vars(model_class).items():
            found.update({f"{name}.{method}": function for name in names if f"{name}.{method}" in METHODS})
    return found


def _listed(names):
    return [names] if isinstance(names, str) else names


@cache
def openapi_json():
    """Return the OpenAPI document as text; the same as long as the code is."""
    return json.dumps(build(methods()), indent=1, ensure_ascii=False) + "\n"
