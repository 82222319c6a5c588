import logging
from collections import OrderedDict
from contextlib import contextmanager
from tempfile import NamedTemporaryFile
from urllib.parse import urlparse

from odoo import api, models
from odoo.addons.base.models.ir_actions_report import _wkhtml
from odoo.http import request, root
from odoo.service import security
from odoo.tools.misc import file_path

from ...tools.letterhead import LetterheadError, Page, Printer, with_system_fonts

_logger = logging.getLogger(__name__)

RECONCILIATION = "call_wallet.report_reconciliation"


class IrActionsReport(models.Model):
    """Letterhead and text for the PDFs of wallets' documents, where wkhtmltopdf has no patched Qt."""

    _inherit = "ir.actions.report"

    def _render_qweb_pdf_prepare_streams(self, report_ref, data, res_ids=None):
        """Odoo's hook for PDFs; one document after the other, because this wkhtmltopdf prints no two at once."""
        report = self._get_report(report_ref)
        own = self._call_wallet_own(report, res_ids) if self._call_wallet_unpatched() else set()
        if not own:
            return super()._render_qweb_pdf_prepare_streams(report_ref, data, res_ids=res_ids)
        if not res_ids or len(set(res_ids)) != len(res_ids):
            paper = self.with_context(call_wallet_paper=own.issuperset(res_ids or [False]))
            return super(IrActionsReport, paper)._render_qweb_pdf_prepare_streams(report_ref, data, res_ids=res_ids)
        streams = OrderedDict()
        for res_id in res_ids:
            paper = self.with_context(call_wallet_paper=res_id in own)
            streams.update(
                super(IrActionsReport, paper)._render_qweb_pdf_prepare_streams(
                    report_ref, dict(data or {}), res_ids=[res_id]
                )
            )
        return streams

    @api.model
    def _run_wkhtmltopdf(
        self,
        bodies,
        report_ref=False,
        header=None,
        footer=None,
        landscape=False,
        specific_paperformat_args=None,
        set_viewport_size=False,
    ):
        """Odoo's hook for the program itself. Where ours fails, Odoo prints as it does."""
        if self.env.context.get("call_wallet_paper"):
            try:
                return self._call_wallet_print(
                    bodies, report_ref, header, footer, landscape, specific_paperformat_args or {}, set_viewport_size
                )
            except LetterheadError as error:
                _logger.warning("printed without letterhead, as Odoo does: %s", error)
        return super()._run_wkhtmltopdf(
            bodies,
            report_ref=report_ref,
            header=header,
            footer=footer,
            landscape=landscape,
            specific_paperformat_args=specific_paperformat_args,
            set_viewport_size=set_viewport_size,
        )

    def _call_wallet_print(self, bodies, report_ref, header, footer, landscape, wanted, set_viewport_size):
        """Return the PDF, with letterhead and text.

        :param dict wanted: of the paper, by the document itself
        """
        paper = (self._get_report(report_ref) if report_ref else self).get_paperformat()
        arguments = self._build_wkhtmltopdf_args(
            paper, landscape, specific_paperformat_args=wanted, set_viewport_size=set_viewport_size
        )
        page = self._call_wallet_page(paper, landscape or wanted.get("data-report-landscape"), wanted)
        with self._call_wallet_cookies() as cookies:
            printer = Printer(_wkhtml().bin, [*arguments, *cookies], file_path("web/static/fonts"), page)
            return printer.print(
                [self._call_wallet_readable(body) for body in bodies],
                self._call_wallet_readable(header),
                self._call_wallet_readable(footer),
            )

    def _call_wallet_page(self, paper, landscape, wanted):
        width, height = paper.print_page_width, paper.print_page_height
        if landscape and paper.orientation != "Landscape":
            width, height = height, width
        top = float(wanted.get("data-report-margin-top", paper.margin_top))
        return Page(
            width=width,
            height=height,
            left=paper.margin_left,
            right=paper.margin_right,
            top=top,
            bottom=float(wanted.get("data-report-margin-bottom", paper.margin_bottom)),
            # As patched Qt places it.
            head_top=max(top - float(wanted.get("data-report-header-spacing", paper.header_spacing)), 0),
        )

    def _call_wallet_readable(self, html):
        return with_system_fonts(str(html), self._call_wallet_sheet) if html else ""

    def _call_wallet_sheet(self, url):
        """Return the CSS that Odoo serves under an address of its assets; empty if it is none of them."""
        try:
            bundle, rtl, kind, autoprefix = self.env["ir.asset"]._parse_bundle_name(url.rpartition("/")[2], False)
        except ValueError:
            return ""
        sheet = self.env["ir.qweb"]._get_asset_bundle(bundle, css=True, js=False, rtl=rtl, autoprefix=autoprefix)
        return sheet.css().sudo().raw.decode() if kind == "css" and sheet.stylesheets else ""

    @contextmanager
    def _call_wallet_cookies(self):
        """Lend the program the user's session, as Odoo does: pictures in a document may be for signed-in users."""
        if not (request and request.db):
            yield []
            return
        session = root.session_store.new()
        session.update({**request.session, "debug": "", "_trace_disable": True})
        if session.uid:
            session.session_token = security.compute_session_token(session, self.env)
        root.session_store.save(session)
        try:
            with NamedTemporaryFile("w", prefix="call_wallet.cookies.", suffix=".txt") as jar:
                domain = urlparse(self._get_report_url()).hostname
                jar.write(f"session_id={session.sid}; HttpOnly; domain={domain}; path=/;")
                jar.flush()
                yield ["--cookie-jar", jar.name]
        finally:
            root.session_store.delete(session)

    # === WHOSE DOCUMENTS === #

    def _call_wallet_unpatched(self):
        return _wkhtml().state in ("ok", "workers") and not _wkhtml().is_patched_qt

    def _call_wallet_own(self, report, res_ids):
        """Return the ids of the documents that are printed with our letterhead: those about wallets, or all.

        ``False`` stands for a document without a record.
        """
        if report.report_name == RECONCILIATION or self.env.company.sudo().call_wallet_all_letterheads:
            return {*(res_ids or [False])}
        records = self.env[report.model].sudo().browse(res_ids).exists() if report.model in self.env else None
        if report.model == "account.move":
            return set(records.filtered("call_wallet_is_topup").ids)
        if report.model == "account.payment":
            return set(records.filtered("reconciled_invoice_ids.call_wallet_topup_ids").ids)
        return set()

    @api.model
    def _call_wallet_paper_warning(self):
        """Return why documents have no letterhead, and what helps, for finance staff; empty where they have it."""
        _ = self.env._
        if _wkhtml().state not in ("ok", "workers"):
            return _(
                "No PDF can be made: the program wkhtmltopdf is not installed on the server, or is broken. On Debian: "
                "apt-get install wkhtmltopdf."
            )
        if self._call_wallet_unpatched():
            return _(
                "The server's wkhtmltopdf has no patched Qt: by itself it prints no letterhead, and text that cannot "
                "be searched or copied. The documents of call wallets have both all the same. Others have neither, "
                "unless the setting above is on or the build “with patched Qt” is installed, which Odoo recommends."
            )
        return ""
