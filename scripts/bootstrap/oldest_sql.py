"""Finds SQL that the oldest PostgreSQL we promise, 13, does not know.

Words decide, not a parser: a subquery without a name (16 allows it) or a new type of argument is not seen. What is seen
is what a test on PostgreSQL 13 may miss, because it does not come by. Real runs there: `CALL_WALLET_PG=13 make test`.
"""

import ast
import re
from typing import NamedTuple


class Construct(NamedTuple):
    since: int
    pattern: str
    example: str  # for the test of this check


def function(since, name):
    return Construct(since, rf"\b{name}\s*\(", f"SELECT {name}(x) FROM t")


CONSTRUCTS = [
    Construct(14, r"\bCREATE\s+OR\s+REPLACE\s+TRIGGER\b", "CREATE OR REPLACE TRIGGER t BEFORE UPDATE ON a"),
    Construct(14, r"\bSEARCH\s+(BREADTH|DEPTH)\s+FIRST\b", "WITH r AS (SELECT 1) SEARCH DEPTH FIRST BY a SET o"),
    Construct(14, r"\)\s*CYCLE\s+\w+(\s*,\s*\w+)*\s+SET\b", "WITH RECURSIVE r AS (SELECT 1) CYCLE a, b SET c USING p"),
    Construct(14, r"\bGROUP\s+BY\s+(DISTINCT|ALL)\b", "SELECT a FROM t GROUP BY DISTINCT ROLLUP (a)"),
    Construct(14, r"\bJOIN\b[^;]*?\bUSING\s*\([^)]*\)\s+AS\b", "SELECT 1 FROM a JOIN b USING (id) AS c"),
    Construct(14, r"(?:\b(?!ARRAY\b)\w+|\))\['[^']*'\]", "SELECT payload['amount'] FROM t"),
    Construct(14, r"\bBEGIN\s+ATOMIC\b", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END"),
    Construct(14, r"\bsplit_part\s*\([^()]*,\s*-\s*\d+\s*\)", "SELECT split_part(a, ',', -1) FROM t"),
    Construct(14, r"\bDETACH\s+PARTITION\s+\w+\s+CONCURRENTLY\b", "ALTER TABLE t DETACH PARTITION p CONCURRENTLY"),
    Construct(14, r"\b\w*multirange\b", "SELECT '{[1,2]}'::int4multirange"),
    Construct(14, r"\bSET\s+COMPRESSION\b", "ALTER TABLE t ALTER COLUMN c SET COMPRESSION lz4"),
    Construct(14, r"'-?infinity'::numeric", "SELECT 'infinity'::numeric"),
    Construct(14, r"\b(idle_session_timeout|client_connection_check_interval)\b", "SET idle_session_timeout = 5"),
    Construct(14, r"\bpg_(read|write)_all_data\b", "GRANT pg_read_all_data TO a"),
    *(function(14, name) for name in ("date_bin", "string_to_table", "trim_array", "bit_count", "bit_xor", "unistr")),
    function(14, "range_agg"),
    function(14, "range_intersect_agg"),
    Construct(15, r"\bMERGE\s+INTO\b", "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE"),
    Construct(15, r"\bNULLS\s+(NOT\s+)?DISTINCT\b", "CREATE UNIQUE INDEX i ON t (a) NULLS NOT DISTINCT"),
    Construct(15, r"\bsecurity_invoker\b", "CREATE VIEW v WITH (security_invoker = true) AS SELECT 1"),
    Construct(15, r"\bON\s+DELETE\s+SET\s+(NULL|DEFAULT)\s*\(", "FOREIGN KEY (a) REFERENCES t ON DELETE SET NULL (b)"),
    *(function(15, f"regexp_{name}") for name in ("count", "instr", "like", "substr")),
    Construct(16, r"\bIS\s+(NOT\s+)?JSON\b", "SELECT a IS JSON FROM t"),
    Construct(16, r"\bSYSTEM_USER\b", "SELECT SYSTEM_USER"),
    Construct(16, r"(?<![\w.:'\"%-])\d{1,3}(_\d{3})+\b", "SELECT 1 FROM t LIMIT 10_000"),
    *(function(16, name) for name in ("any_value", "array_sample", "array_shuffle", "date_add", "date_subtract")),
    *(function(16, name) for name in ("random_normal", "pg_input_is_valid", "pg_input_error_info", "erf", "erfc")),
    *(function(16, f"json_{name}") for name in ("array", "arrayagg", "objectagg")),
    *(function(17, f"json_{name}") for name in ("table", "exists", "query", "value", "scalar", "serialize")),
    *(function(17, name) for name in ("to_bin", "to_oct", "xmltext", "uuid_extract_timestamp")),
    Construct(17, r"\btransaction_timeout\b", "SET transaction_timeout = 5"),
    Construct(17, r"\bAT\s+LOCAL\b", "SELECT now() AT LOCAL"),
    Construct(18, r"\bRETURNING\s+(WITH|(OLD|NEW)\s*\.)", "UPDATE t SET a = 1 RETURNING old.a"),
    Construct(18, r"\bWITHOUT\s+OVERLAPS\b", "ALTER TABLE t ADD UNIQUE (id, valid WITHOUT OVERLAPS)"),
    *(function(18, name) for name in ("uuidv7", "uuidv4", "casefold", "array_sort", "array_reverse", "crc32c")),
]
ANY = [(construct, re.compile(construct.pattern, re.I)) for construct in CONSTRUCTS]
# A text with none of these is no SQL, nor a part of it that could matter here.
SQL = re.compile(
    r"\b(SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|CREATE|ALTER|MERGE|WITH|DROP|SET|GRANT|RETURNING|WHERE|JOIN|FROM"
    r"|GROUP\s+BY|ORDER\s+BY|FOREIGN\s+KEY|UNIQUE)\b"
)


def findings(text):
    """Yield (line, what, since which version) for the SQL in the strings of a Python file."""
    tree = ast.parse(text)
    documentation = set(_docstrings(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield from _of(node)


def _of(node):
    if not SQL.search(node.value):
        return
    for construct, pattern in ANY:
        for match in pattern.finditer(node.value):
            line = node.lineno + node.value[: match.start()].count("\n")
            yield line, " ".join(match.group().split()), construct.since


def _docstrings(tree):
    """Yield the ids of strings that stand by themselves: descriptions of what the code does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)
