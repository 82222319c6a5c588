"""The check of `make lint` that refuses what PostgreSQL 13 does not know finds each such construct."""

import sys

import pytest

from .conftest import REPO

sys.path.insert(0, str(REPO / "scripts"))
try:
    from bootstrap import oldest_sql
finally:
    sys.path.remove(str(REPO / "scripts"))

HARMLESS = [
    "CREATE OR REPLACE FUNCTION f() RETURNS trigger AS 'x' LANGUAGE plpgsql",
    "SELECT a FROM t JOIN u USING (id) WHERE split_part(a, ',', 1) = '' GROUP BY a",
    "SELECT (ARRAY['a', 'b'])[1], ARRAY['x'], ARRAY[1, 2]::int[] FROM t",
    "INSERT INTO t (a) VALUES (%s) ON CONFLICT DO NOTHING RETURNING id",
    "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u ON DELETE SET NULL",
    "SELECT count(DISTINCT a), json_agg(b), jsonb_build_object('a', 1) FROM account_move_line WHERE x LIKE '415_555%'",
]


@pytest.mark.parametrize("construct", oldest_sql.CONSTRUCTS, ids=lambda construct: construct.example[:40])
def test_each_construct_is_found_where_it_is_planted(construct):
    planted = f'"""What it does."""\n\n\ndef f(cr):\n    cr.execute(\n        """\n{construct.example}\n"""\n    )\n'
    found = list(oldest_sql.findings(planted))
    assert (7, construct.since) in {(line, since) for line, _what, since in found}, found


@pytest.mark.parametrize("statement", HARMLESS)
def test_what_13_knows_is_let_through(statement):
    assert list(oldest_sql.findings(f"QUERY = {statement!r}")) == []


def test_prose_is_let_through():
    assert list(oldest_sql.findings('"""SELECT ... MERGE INTO is what 13 lacks."""')) == []
