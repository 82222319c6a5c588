"""Odoo's configuration file and environment for this checkout."""

import os

from . import paths, voip_oca

OPTIONS = """[options]
# Written by scripts/bootstrap; changes are lost.
addons_path = {addons}
data_dir = {data}
db_host = {socket}
db_port = 5432
db_user = call_wallet
db_maxconn = 32
list_db = False
with_demo = True
http_interface = 127.0.0.1
max_cron_threads = 0
limit_time_cpu = 600
limit_time_real = 1200
"""


def write(setting):
    """Write the file when it has changed; return its path. With SOFTPHONE=1, OCA's softphone can be installed."""
    source, server = setting.source, setting.server
    path = paths.BUILD / f"odoo{'-oca' if setting.others else ''}{paths.SUFFIX}.conf"
    addons = [*source.addons_paths]
    if (paths.ADDON / "__manifest__.py").exists():
        addons.append(paths.REPO)  # Odoo warns about a folder without addons
    if os.environ.get("SOFTPHONE"):
        addons.append(voip_oca.ensure(setting))
    if setting.others:
        addons.append(setting.others / "odoo/addons")
    text = OPTIONS.format(
        addons=",".join(map(str, addons)),
        data=paths.DATA,
        socket=server.socket,
    )
    paths.BUILD.mkdir(exist_ok=True)
    paths.DATA.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        # Another run may be reading it at this moment.
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_text(text)
        new.replace(path)
    return path


def environment(source, server, config, python, others=None):
    """Return the variables under which Odoo, the tests and the benchmarks run.

    :param Path others: the folder with other addons' Python packages, below ``lib``
    """
    result = dict(os.environ)
    for name in ("PGPASSWORD", "PGDATABASE", "PGSERVICE", "ODOO_RC", "OPENERP_SERVER", "PYTHONDONTWRITEBYTECODE"):
        result.pop(name, None)
    result.update(server.environment())
    result["PATH"] = f"{python.parent}{os.pathsep}{result['PATH']}"
    result.update(
        {
            "PYTHONPATH": os.pathsep.join(map(str, [source.path, *([others / "lib"] if others else [])])),
            # Compiled once for all runs, and not into the tree.
            "PYTHONPYCACHEPREFIX": str(paths.CACHE / "pycache"),
            # wkhtmltopdf of Debian looks for a screen otherwise.
            "QT_QPA_PLATFORM": "offscreen",
            "CALL_WALLET_CONFIG": str(config),
            "CALL_WALLET_PYTHON": str(python),
            "CALL_WALLET_ODOO_BIN": str(paths.REPO / "scripts/odoo-bin"),
            "CALL_WALLET_FRESHDB": str(paths.REPO / "scripts/freshdb"),
            "CALL_WALLET_DATA": str(paths.DATA),
            "CALL_WALLET_BUILD": str(paths.BUILD),
        }
    )
    return result
