import re
from base64 import b64decode
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import config

from ...const import FINANCE
from ...tools.background import wake
from ...tools.door import door
from ...tools.fields import is_storable
from ...tools.rights import as_superuser, refuse_all_but
from ...tools.sentence import translated
from ...tools.sources import KINDS
from ...tools.sources.event import Dialling, FileSettings
from ...tools.sources.folder import FolderProblem, open_folder

ROOT_PARAMETER, ROOT_OPTION = "call_wallet.source_folder_root", "call_wallet_source_folder_root"


class CallSource(models.Model):
    """How the files of a source are read, and the folder from which they are taken."""

    _inherit = "call.source"

    has_files = fields.Boolean(compute="_compute_has_files")
    file_ids = fields.One2many("call.source.file", "source_id", "Files")
    column_ids = fields.One2many("call.source.column", "source_id", "Columns", copy=True)
    number_format = fields.Selection(
        [
            ("e164", "With + and country code"),
            ("international", "With country code, without +"),
            ("dialled", "As they are dialled in a country"),
        ],
        "Numbers in Files",
        required=True,
        default="e164",
        tracking=True,
    )
    country_code = fields.Char(default="1", help="Of the country in which the numbers are dialled, such as 34.")
    international_prefix = fields.Char(default="011", help="What is dialled before a country code, such as 00.")
    national_prefix = fields.Char(help="What is dialled before a number of the country itself, such as 0; often none.")
    day_order = fields.Selection(
        [("auto", "Find out"), ("d", "Day first: 31/12/2026"), ("m", "Month first: 12/31/2026")],
        "Days in Files",
        required=True,
        default="auto",
    )
    duration_unit = fields.Selection(
        [("s", "Seconds"), ("ms", "Milliseconds"), ("min", "Minutes")],
        "Durations in Files",
        required=True,
        default="s",
        help="Of plain numbers. 0:01:30 is read as it stands.",
    )
    inbound_contexts = fields.Char(
        "Contexts of Incoming Calls",
        help="Of the dialplan, separated by commas, such as from-trunk. Empty: a call comes in where an extension was "
        "called from a telephone.",
    )
    folder = fields.Char(
        groups="base.group_system",
        copy=False,
        tracking=True,
        help="Below the root that the system parameter call_wallet.source_folder_root, or odoo.conf, allows. Files are "
        "read there and left as they are.",
    )
    folder_grows = fields.Boolean(
        "Files Grow",
        default=True,
        help="Lines are added to the files, as to Master.csv: what is new is read. Otherwise a file is read once it "
        "has not been changed for a minute.",
    )
    folder_problem = fields.Char(readonly=True, copy=False)

    _folder = models.UniqueIndex("(folder) WHERE folder IS NOT NULL", "A folder belongs to one call source.")

    @api.depends("kind")
    def _compute_has_files(self):
        for source in self:
            kind = KINDS.get(source.kind)
            source.has_files = bool(kind and kind.read_file)

    @api.constrains("folder")
    def _check_folder(self):
        for source in self.filtered("folder"):
            try:
                with open_folder(self._folder_root(), source.folder):
                    pass
            except FolderProblem as problem:
                raise ValidationError(translated(self.env, problem.sentence)) from problem

    @api.constrains("number_format", "country_code", "international_prefix", "national_prefix")
    def _check_dialling(self):
        for source in self.filtered(lambda one: one.number_format == "dialled"):
            digits = (source.country_code or "", source.international_prefix or "0", source.national_prefix or "0")
            if not all(re.fullmatch("[0-9]{1,5}", text) for text in digits):
                raise ValidationError(self.env._("Country code and prefixes: use up to 5 digits, such as 34 and 00."))

    @api.model
    def _folder_root(self):
        """Return below which path folders may be read; empty: nowhere."""
        return config.get(ROOT_OPTION) or self.env["ir.config_parameter"].sudo().get_param(ROOT_PARAMETER) or ""

    def _file_settings(self, head=None, first_line=1):
        """Return the ``FileSettings`` by which the source's files are read."""
        inbound = (self.inbound_contexts or "").split(",")
        return FileSettings(
            tz=ZoneInfo(self.tz),
            columns={column.fact: column.column for column in self.column_ids} or None,
            words={column.fact: column._meanings() for column in self.column_ids},
            order=self.day_order if self.day_order != "auto" else None,
            unit=self.duration_unit,
            inbound=frozenset(filter(None, (name.strip() for name in inbound))),
            dialling=self._dialling(),
            head=head,
            first_line=first_line,
        )

    def _dialling(self):
        if self.number_format == "e164":
            return None
        if self.number_format == "international":
            return Dialling()
        return Dialling(self.country_code or "", self.international_prefix or "", self.national_prefix or "")

    # === API === #

    def import_file(self, filename, content):
        """Import a file of call records in the background, without a preview: for programs.

        :param str filename: by which people find it
        :param str content: the file, base64
        :return: its number, to be read as ``call.source.file``: ``state``, ``problem``, and the counts
        :raise UserError: no files of this kind, no base64, or imported already
        :raise AccessError: not finance staff
        """
        self.ensure_one()
        refuse_all_but(self, FINANCE)
        try:
            data = b64decode(content, validate=True)
        except (TypeError, ValueError):
            raise UserError(self.env._("content: send the file as base64.")) from None
        if not self.has_files:
            raise UserError(self.env._("%s has no files.", self.name))
        name = filename if isinstance(filename, str) and is_storable(filename) and filename.strip() else "upload"
        with door(self.env):
            source = as_superuser(self)
            file = source.env["call.source.file"]._keep(source, name, data, origin="upload", state="waiting")
            wake(self.env, "ir_cron_source_file")
        return file.id

    # === ACTION METHODS === #

    def action_import_file(self):
        """Open the wizard that reads a file of call records.

        :raise AccessError: not finance staff
        """
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_source_import")
        return {**action, "context": {"default_source_id": self.id, "dialog_size": "extra-large"}}

    def action_open_files(self):
        """Open the files that have come from the source.

        :raise AccessError: not finance staff
        """
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_source_file")
        return {**action, "domain": [("source_id", "in", self.ids)]}
