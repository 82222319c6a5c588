"""Days as each language writes them: not by a format of ours, which is right in one of them only."""

from babel.dates import format_skeleton
from odoo.tools.misc import babel_locale_parse, get_lang


def day_text(env, day, skeleton):
    """Return a ``date`` in the language of ``env``, with the parts that a skeleton names, in that language's order.

    :param str skeleton: Unicode's letters (CLDR): ``MMMd`` is Oct 28, 28. Okt. or 28 de out.; ``yMMM`` and ``yMMMM``
        are a month and its year, short and in full; ``MMMEd`` is a day with its weekday
    """
    return format_skeleton(skeleton, day, locale=babel_locale_parse(get_lang(env).code))
