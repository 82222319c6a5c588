"""(8) The usage report of a million transactions as XLSX, against xlsxwriter alone writing such rows.

Ours is all that a person waits for: the job, which reads the ledger, writes the workbook, says how far it is and puts
the file away. Its processor time is that of Python and of PostgreSQL. The baseline is xlsxwriter in constant-memory
mode, given finished values: a batch of the wallet's own rows, again and again. Reading and converting them is not
counted.
"""

import os
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dashboard
import xlsxwriter
from common import Result, environment, interleave, median_ratio

LARGE, QUICK = 1_000_000, 100_000
TITLE = "The usage report as XLSX / xlsxwriter alone"
# What a report may take on top of the server's own memory.
MEMORY = 60 * 2**20


def run(bench):
    size = min(QUICK, LARGE) if bench.options.quick else LARGE
    database = dashboard.wallet_of(bench, size)
    figures = {"ours": [], "baseline": []}
    with environment(database) as env:
        wallet = env["call.wallet"].search([("account_ref", "=", "LARGE")])
        # Parallel workers would be processes of their own, whose time is not seen here.
        env.cr.execute("SET max_parallel_workers_per_gather = 0")
        env.cr.commit()
        values = _values(wallet)

        def ours():
            return _measured(env, figures["ours"], lambda: _make_report(wallet))

        def baseline():
            return _measured(env, figures["baseline"], lambda: _write_alone(values, size))

        cpu, alone = interleave(bench.rounds(1, 3), ours, baseline)
    used = max(figure["memory"] for figure in figures["ours"])
    return [
        Result(
            8, f"{TITLE}, {size:,} rows, CPU", _seconds(cpu), _seconds(alone), median_ratio(cpu, alone), "<= 0.25",
            {
                f"{name}, {key}": _text(key, statistics.median(figure[key] for figure in found))
                for name, found in figures.items()
                for key in found[0]
            },
        ),
        Result(
            8, "Memory of the report / what it may take", f"{used / 2**20:.0f} MiB", f"{MEMORY / 2**20:.0f} MiB",
            max(used, 1) / MEMORY, "<= 1", {},
        ),
    ]  # fmt: skip


def _seconds(values):
    return f"{statistics.median(values):.1f} s"


def _text(key, value):
    return f"{value / 2**20:.0f} MiB" if key in ("memory", "file") else f"{value:.1f} s"


# === WHAT IS COMPARED === #


def _make_report(wallet):
    """Ask for the report and have it made as the scheduled action does; return the size of the file."""
    job = wallet.request_usage_report()
    wallet.env.cr.commit()
    wallet.env["call.usage.report.job"]._cron_make()
    assert job.state == "ready", job.error
    size = job.attachment_id.file_size
    job.attachment_id.unlink()
    job.unlink()
    wallet.env.cr.commit()
    return size


def _values(wallet):
    """Return a batch of the report's rows, as values that xlsxwriter takes."""
    from odoo.addons.call_wallet.tools.usage_report_file import to_cells

    report, tz = wallet.env["call.usage.report"], ZoneInfo(wallet.tz)
    records = next(report._batches(wallet, report._extent(wallet)))
    return [[_value(cell) for cell in to_cells(record, tz)] for record in records]


def _value(cell):
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)
    return cell if cell is None or isinstance(cell, str) else float(cell)


def _write_alone(values, size):
    with tempfile.TemporaryFile() as file:
        book = xlsxwriter.Workbook(file, {"constant_memory": True})
        date, money = (book.add_format({"num_format": code}) for code in ("yyyy-mm-dd hh:mm:ss", "#,##0.000000"))
        sheet = book.add_worksheet()
        for line in range(size):
            for column, value in enumerate(values[line % len(values)]):
                if value is None:
                    continue
                if isinstance(value, str):
                    sheet.write_string(line, column, value)
                elif isinstance(value, datetime):
                    sheet.write_datetime(line, column, value, date)
                else:
                    sheet.write_number(line, column, value, money)
        book.close()
        return file.tell()


# === MEASURING === #


def _measured(env, figures, work):
    """Do ``work``, note what it took in ``figures``, and return its seconds of processor time."""
    env.cr.execute("SELECT pg_backend_pid()")
    [backend] = env.cr.fetchone()
    _forget_peak()
    memory, python, database, start = _memory("VmRSS"), time.process_time(), _backend(backend), time.perf_counter()
    size = work()
    found = {
        "time": time.perf_counter() - start,
        "CPU of Python": time.process_time() - python,
        "CPU of PostgreSQL": _backend(backend) - database,
        "memory": _memory("VmHWM") - memory,
        "file": size,
    }
    figures.append(found)
    return found["CPU of Python"] + found["CPU of PostgreSQL"]


def _backend(pid):
    """Return the seconds of processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _forget_peak():
    Path("/proc/self/clear_refs").write_text("5")


def _memory(name):
    """Return the process's memory in bytes: ``VmRSS`` now, ``VmHWM`` at its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0
