"""Sentences that are read in another language than that in which they are written: before or after it is known."""


class Told(str):
    """A sentence in one language that knows how it was made, so that it can be told again in another."""

    words = None


def translated(env, sentence):
    """Return a sentence that was declared with ``_lt``, with its values, in the language of an environment."""
    # Odoo's own check of translations wants a literal in each call that it knows by the name `_`.
    translate = env._
    return translate(sentence)


def telling(env):
    """Return what translates like ``env._``, and whose sentences can be told again: ``_ = telling(env)``."""
    translate = env._

    def tell(source, *args, **kwargs):
        told = Told(translate(source, *args, **kwargs))
        told.words = {"source": source, "values": words_of(kwargs or args)}
        return told

    return tell


def joined(sentences):
    """Return sentences one after the other, as one that can be told again."""
    told = Told(" ".join(sentences))
    told.words = {"joined": words_of(sentences)}
    return told


def words_of(value):
    """Return how a sentence was made, as JSON can keep it; values that are no sentences of ours as they are shown."""
    if isinstance(value, Told):
        return value.words
    if isinstance(value, dict):
        return {name: words_of(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [words_of(one) for one in value]
    return value if isinstance(value, (int, float, type(None))) else str(value)


def told_again(env, words):
    """Return a sentence in the language of an environment, by what ``words_of`` has kept of it."""
    if not isinstance(words, dict):
        return words
    if "joined" in words:
        return " ".join(str(told_again(env, part)) for part in words["joined"])
    translate, source, values = env._, words["source"], words["values"]
    if isinstance(values, dict):
        return translate(source, **{name: told_again(env, value) for name, value in values.items()})
    return translate(source, *(told_again(env, value) for value in values))
