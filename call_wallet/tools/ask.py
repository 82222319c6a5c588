"""Questions before a button does what cannot be undone: they name what it is about, and the amount."""


def ask(records, method, *, title, question, answer, keep):
    """Return the action that asks, and then calls ``method`` of the records.

    :param str answer: the text of the button that does it
    :param str keep: the text of the one that does not
    """
    return {
        "type": "ir.actions.client",
        "tag": "call_wallet_ask",
        "target": "new",
        "params": {
            "model": records._name,
            "ids": records.ids,
            "method": method,
            "title": title,
            "question": question,
            "answer": answer,
            "keep": keep,
        },
    }
