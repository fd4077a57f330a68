"""Asks DuckDB what the raw rows were asked, over an export of them.

Reads from standard input: {"csv": FILE, "database": FILE, "times": N, "questions": {name: sql}}
Writes to standard output: {name: {"ms": [...], "sum": "..."}}; each statement's last column is added up.
"""

import json
import sys
import time

import duckdb

asked = json.load(sys.stdin)
db = duckdb.connect(asked["database"])
db.execute("set timezone = 'UTC'")
db.execute("create table ai_requests as select * from read_csv(?, header = true)", [asked["csv"]])
answers = {}
for name, sql in asked["questions"].items():
    took = []
    for _ in range(asked["times"]):
        began = time.perf_counter()
        rows = db.execute(sql).fetchall()
        took.append(1000 * (time.perf_counter() - began))
    answers[name] = {"ms": took, "sum": str(sum(row[-1] or 0 for row in rows))}
json.dump(answers, sys.stdout)
