"""The JSON API, one module for each noun; `NOUNS` is the table of them."""

from canary.web.api.alerts import Alerts
from canary.web.api.campaigns import Campaigns
from canary.web.api.canaries import Canaries
from canary.web.api.cases import Cases
from canary.web.api.hits import Hits
from canary.web.api.mails import Mails
from canary.web.api.senders import Senders
from canary.web.api.suppliers import Suppliers
from canary.web.api.vendors import Vendors
from canary.web.frame import Page

NOUNS: tuple[type[Page], ...] = (
    Vendors,
    Suppliers,
    Canaries,
    Mails,
    Hits,
    Cases,
    Campaigns,
    Senders,
    Alerts,
)
"""A new noun is a module and its name here."""
