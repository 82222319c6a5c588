from odoo import models


class IrWebsocket(models.AbstractModel):
    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """Subscribe people to their wallets: owners to those they own, employees to their company's own.

        Odoo's hook for channels that the server decides on. What a client asks for by name is text, so
        nobody gets on the channel of another's wallet.
        """
        channels = super()._build_bus_channel_list(channels)
        if not self.env.user._is_public():
            channels.extend(self.env["call.wallet"]._owned_by(self.env.user))
        return channels
