"""The pages for people, one module each; `PAGES` is the table of them."""

from canary.web.live import Live
from canary.web.pages.account import Account
from canary.web.pages.adoption import AdoptionPage
from canary.web.pages.alert_setup import AlertSetupPage
from canary.web.pages.alerts import AlertsPage
from canary.web.pages.audit import Audit
from canary.web.pages.campaigns import CampaignsPage
from canary.web.pages.canaries import CanariesPage
from canary.web.pages.case_lists import CaseListsPage
from canary.web.pages.cases import CasesPage
from canary.web.pages.evidence import EvidencePage
from canary.web.pages.family import FamilyPage
from canary.web.pages.imports import ImportsPage
from canary.web.pages.inlet_setup import InletSetupPage
from canary.web.pages.keeping import KeepingPage
from canary.web.pages.letters import Letters
from canary.web.pages.login import LoginPage
from canary.web.pages.mailfiles import MailFiles
from canary.web.pages.mails import MailsPage
from canary.web.pages.new_address import NewAddressPage
from canary.web.pages.nodes import NodesPage
from canary.web.pages.overview import OverviewPage
from canary.web.pages.plan import PlanPage
from canary.web.pages.postmaster import PostmasterPage
from canary.web.pages.search import Search
from canary.web.pages.sender_words import SenderWordsPage
from canary.web.pages.senders import SendersPage
from canary.web.pages.set_aside import SetAsidePage
from canary.web.pages.setup import Setup
from canary.web.pages.start import StartPage
from canary.web.pages.supplier_editing import SupplierEditingPage
from canary.web.pages.suppliers import SuppliersPage
from canary.web.pages.tokens import Tokens
from canary.web.pages.users import Users
from canary.web.pages.vendor_editing import VendorEditingPage
from canary.web.pages.vendor_links import VendorLinks
from canary.web.pages.vendors import VendorsPage
from canary.web.rendering import PageModule

PAGES: tuple[type[PageModule], ...] = (
    OverviewPage,
    VendorsPage,
    FamilyPage,
    VendorEditingPage,
    SuppliersPage,
    SupplierEditingPage,
    CaseListsPage,
    CasesPage,
    EvidencePage,
    Letters,
    VendorLinks,
    MailsPage,
    MailFiles,
    AdoptionPage,
    CanariesPage,
    NewAddressPage,
    SendersPage,
    SenderWordsPage,
    Search,
    CampaignsPage,
    PostmasterPage,
    SetAsidePage,
    AlertsPage,
    NodesPage,
    LoginPage,
    Account,
    Setup,
    AlertSetupPage,
    InletSetupPage,
    KeepingPage,
    ImportsPage,
    StartPage,
    PlanPage,
    Tokens,
    Users,
    Audit,
    Live,
)
"""A new page is a module and its name here."""
