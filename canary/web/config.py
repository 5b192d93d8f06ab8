"""The configuration of the site, as the process that serves it builds it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry

from canary.authenticate.dns_records import Arrangement
from canary.model.alert import DestinationView
from canary.store.database import Database
from canary.web.import_desk import ImportDesk
from canary.web.issue_forms import IssueSettings
from canary.web.mailbox_desk import MailboxDesk
from canary.web.plan_desk import PlanDesk
from canary.web.settings_desk import SettingsDesk

URL = "http://127.0.0.1:8025"


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The store that the pages show, their clock, and what they need of the rest of the installation.

    `url` is the public address; `health` returns the state of each part by name, and `registry` holds the
    metrics to show. Addresses are issued with `issuing`; `destinations` are those of alerts, without their secrets.
    `desk` reads and changes what may be entered in the browser, and has the destinations and the retention in force then.
    `self_test` sends a mail of ours to an address through the own listener, and raises ValueError where it cannot.
    `imports` runs imports of stored mail, `plan` works out the coverage plan, `mailboxes` tests and follows what mail is read
    from. `arranged` holds the records that DNS should have, and `retention` how long mail that no case needs is kept.
    `unready` returns what keeps this machine from working, by part; `hosts` are further names of the site beside that
    of its URL, and `proxies` the networks whose X-Forwarded-For is believed.
    """

    database: Database
    clock: Callable[[], datetime]
    url: str = URL
    health: Callable[[], Mapping[str, str]] = dict
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    issuing: IssueSettings = field(default_factory=IssueSettings)
    destinations: Sequence[DestinationView] = ()
    arranged: Arrangement = field(default_factory=Arrangement)
    retention: timedelta | None = None
    desk: SettingsDesk | None = None
    self_test: Callable[[str], None] | None = None
    imports: ImportDesk | None = None
    plan: PlanDesk | None = None
    mailboxes: MailboxDesk | None = None
    unready: Callable[[], Mapping[str, str]] = dict
    hosts: Sequence[str] = ()
    proxies: Sequence[str] = ("127.0.0.1", "::1")
