"""The pages people read, one module each; `PAGES` is the table of them."""

from canary.web.frame import Page
from canary.web.live import Live
from canary.web.pages.account import Account
from canary.web.pages.alerts import Alerts
from canary.web.pages.audit import Audit
from canary.web.pages.campaigns import Campaigns
from canary.web.pages.canaries import Canaries
from canary.web.pages.cases import Cases
from canary.web.pages.entrance import Entrance
from canary.web.pages.evidence import Evidence
from canary.web.pages.letters import Letters
from canary.web.pages.mailfiles import MailFiles
from canary.web.pages.mails import Mails
from canary.web.pages.overview import Overview
from canary.web.pages.search import Search
from canary.web.pages.senders import Senders
from canary.web.pages.setup import Setup
from canary.web.pages.suppliers import Suppliers
from canary.web.pages.tokens import Tokens
from canary.web.pages.tray import Tray
from canary.web.pages.users import Users
from canary.web.pages.vendors import Vendors

PAGES: tuple[type[Page], ...] = (
    Overview,
    Vendors,
    Suppliers,
    Cases,
    Evidence,
    Letters,
    Mails,
    MailFiles,
    Canaries,
    Senders,
    Search,
    Campaigns,
    Tray,
    Alerts,
    Entrance,
    Account,
    Setup,
    Tokens,
    Users,
    Audit,
    Live,
)
"""A new page is a module and its name here."""
