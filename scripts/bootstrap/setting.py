"""Everything that a command needs, made ready on first use."""

import functools

from . import config, oca, paths, source, venv
from .databases import Databases
from .postgres import Server


class Setting:
    # The folder of ``oca.ensure``, where Odoo finds OCA's addons beside ours.
    others = None

    @functools.cached_property
    def source(self):
        return source.ensure()

    @functools.cached_property
    def python(self):
        return venv.ensure()

    @functools.cached_property
    def server(self):
        return Server().ensure()

    @functools.cached_property
    def databases(self):
        return Databases(self)

    @functools.cached_property
    def config(self):
        return config.write(self)

    @functools.cached_property
    def environment(self):
        return config.environment(self.source, self.server, self.config, self.python, self.others)

    def beside_oca(self):
        """Return a setting in which OCA's addons can be installed as well."""
        result = Setting()
        result.others = oca.ensure(self)
        return result

    def odoo_command(self, *arguments):
        """Return the command line of Odoo with these arguments; a subcommand may come first."""
        command = [str(self.python), str(paths.REPO / "scripts/odoo-bin")]
        arguments = list(arguments)
        if arguments and not arguments[0].startswith("-"):
            command.append(arguments.pop(0))
            if command[-1] in ("i18n", "module"):  # their own subcommand comes before the options
                command.append(arguments.pop(0))
        return [*command, "-c", str(self.config), *arguments]
