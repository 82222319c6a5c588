"""Codes in a chart of accounts."""


def beside(types, code, free):
    """Tell whether a free code found by counting up from ``code`` is still among accounts of the same type.

    :param types: {code: type} of the chart's accounts
    :param free: a code that none of them has
    """
    if len(free) != len(code):
        return False
    return types[max(taken for taken in types if taken < free)] == types[code]
