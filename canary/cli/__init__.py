"""The command line: the table of all commands; the module of a command is imported when it is called."""

from typing import ClassVar

import typer

from canary.cli.context import configure
from canary.cli.groups import LazyCommand, LazyGroup

SECTIONS = {
    "Set up and run": {
        "init": LazyCommand(
            "serve:init", "Create the data folder, settings, store and first user, and print the DNS records to set."
        ),
        "doctor": LazyCommand(
            "doctor:doctor",
            "Look at machine, DNS, parts and destinations; exit 1 when something is wrong, each with its cure.",
        ),
        "up": LazyCommand(
            "serve:up",
            "Run listener, inlets, worker and dashboard on this machine, each watched and restarted; before `init` the first-run page.",
        ),
        "smtp": LazyCommand("serve:smtp", "Run the listener only."),
        "ingest": LazyCommand("serve:ingest", "Run the HTTP inlets only, by which services post mail."),
        "worker": LazyCommand("serve:worker", "Run the pipeline and the alerts only."),
        "mailboxes": LazyCommand("serve:mailboxes", "Run what reads mailboxes only."),
        "web": LazyCommand("serve:web", "Run the dashboard only."),
        "inlet": LazyCommand(
            "inlets:group",
            "Mailboxes that mail is read from, and services that post it: add one, test it, see how it goes.",
        ),
        "user": LazyCommand("users:group", "Users of the dashboard."),
        "alert": LazyCommand("alerts:group", "Alerts: test destinations, list messages, send failed ones again, mute."),
        "recount": LazyCommand("hits:recount", "Count all hits again, and correct every count that is shown."),
        "backup": LazyCommand(
            "backup:backup", "Copy store, spools, keys and settings into one file, while everything goes on working."
        ),
        "restore": LazyCommand(
            "backup:restore", "Check a backup and put it into a data folder and a store that are empty."
        ),
        "move": LazyCommand(
            "move:move",
            "Copy the store into an empty database, SQLite or PostgreSQL, and compare the two; stop Canary before.",
        ),
        "spool": LazyCommand("spools:group", "Spools: the mail that was taken and is not in the store yet."),
        "erase": LazyCommand(
            "erase:erase",
            "Show what is held of a person, and with --yes replace it in mail, notes and records for good.",
        ),
        "demo": LazyCommand("demo:demo", "Replay the leak of 2011 and watch it being found."),
    },
    "Addresses": {
        "vendor": LazyCommand("vendors:group", "Vendors: the parties you give addresses to."),
        "supplier": LazyCommand(
            "suppliers:group",
            "Suppliers: the parties that vendors pass addresses on to, and the domains that prove each.",
        ),
        "issue": LazyCommand("canaries:issue", "Issue new addresses to a vendor."),
        "adopt": LazyCommand(
            "adopt:adopt",
            "Make canaries of a list of addresses that you gave away before; a second time changes nothing.",
        ),
        "rotate": LazyCommand(
            "canaries:rotate", "Issue the next generation of an address; the old one keeps listening."
        ),
        "burn": LazyCommand("canaries:burn", "Mark an address as leaked; it keeps listening."),
        "confirm": LazyCommand(
            "canaries:confirm",
            "Confirm that an address which a program made was given away: what came to it counts from now on.",
        ),
        "dismiss": LazyCommand(
            "canaries:dismiss",
            "Say that an address which a program made was given to nobody; it leaves the lists and keeps listening.",
        ),
        "published": LazyCommand(
            "canaries:set_published",
            "Say that an address is shown in public, where strangers may collect it, which is no leak of the vendor.",
        ),
        "canaries": LazyCommand("canaries:list_canaries", "List all issued addresses."),
        "decoys": LazyCommand(
            "decoys:maintain_decoys", "Create missing decoys, and show how many there are and what came to them."
        ),
        "plan": LazyCommand(
            "plan:plan", "Show which sources cannot be told apart, and which further addresses would help most."
        ),
    },
    "Mail": {
        "import": LazyCommand(
            "import_mail:import_",
            "Import stored mail and judge it in order of date, without alerts about what is long past.",
        ),
        "hits": LazyCommand("hits:hits", "List hits, newest first: what each mail means at each address it reached."),
        "unread": LazyCommand(
            "unread:list_unread",
            "List the newest mail that was judged by its envelope alone, as it could not be read.",
        ),
        "sender": LazyCommand(
            "senders:group", "Senders: who is known to write for a vendor, and who waits for your answer."
        ),
        "filter": LazyCommand(
            "filters:group", "Rules for your own mailbox: only who is known to write to an address may."
        ),
        "campaign": LazyCommand("campaigns:group", "Campaigns: which mails belong to one sending, and why."),
        "judge": LazyCommand("judge:judge", "Judge one mail as if it had come to an address that only the vendor has."),
    },
    "Leaks": {
        "cases": LazyCommand(
            "case:list_cases", "List all cases, newest first; `canary watching` lists what may become one."
        ),
        "watching": LazyCommand(
            "case:list_watched",
            "List what may become a case, the likeliest first: what speaks for and against a leak, and what would settle it.",
        ),
        "case": LazyCommand("case:group", "Cases: the suspected leaks, what is known about them, and what you decide."),
        "evidence": LazyCommand(
            "evidence:group",
            "Evidence: make packs that anybody can verify offline, verify them, show the state of the log.",
        ),
        "letter": LazyCommand("letters:group", "Letters to vendors and suppliers: read their texts and change them."),
        "attribute": LazyCommand(
            "attribute:attribute",
            "Name who leaked in a world given as JSON: suspects with probabilities, joint hypotheses, and the window.",
        ),
        "simulate": LazyCommand(
            "simulate:simulate",
            "Measure how often attribution is right on simulated worlds, beside simpler methods and an oracle.",
        ),
    },
}


class Commands(LazyGroup):
    """All commands."""

    sections: ClassVar = SECTIONS


app = typer.Typer(cls=Commands, no_args_is_help=True, rich_markup_mode=None, callback=configure)
