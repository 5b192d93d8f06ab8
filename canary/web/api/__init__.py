"""The JSON API, one module for each noun; `NOUNS` is the table of them."""

from canary.web.api.alerts import AlertsApi
from canary.web.api.campaigns import CampaignsApi
from canary.web.api.canaries import CanariesApi
from canary.web.api.cases import CasesApi
from canary.web.api.hits import HitsApi
from canary.web.api.mails import MailsApi
from canary.web.api.senders import SendersApi
from canary.web.api.suppliers import SuppliersApi
from canary.web.api.vendors import VendorsApi
from canary.web.rendering import PageModule

NOUNS: tuple[type[PageModule], ...] = (
    VendorsApi,
    SuppliersApi,
    CanariesApi,
    MailsApi,
    HitsApi,
    CasesApi,
    CampaignsApi,
    SendersApi,
    AlertsApi,
)
"""A new noun is a module and its name here."""
