"""What the platform's API takes and answers, said once; ``docs/openapi.json`` is made of it and of the methods.

``shape`` has the words for it, ``fields`` what is said of a field wherever it occurs, ``answers`` the objects,
``methods`` what each method takes and answers, ``events`` what is told, ``document`` puts it all together.
No database and no Odoo here: whoever adds a field to an answer adds it to its shape, and the tests compare the two.
"""
