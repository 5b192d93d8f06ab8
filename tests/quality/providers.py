"""How the providers' mail looks on the wire: who signs, where bounces go, which marks they leave, and from where."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Shape:
    """One provider. Values are templates of a mail's facts; `account` is a pattern of digits (#) and hex digits (%).

    Who is `aligned` has the vendor publish its key, and so signs in the vendor's name besides its own.
    """

    slug: str
    ip: str
    path: str
    account: str
    signer: str = ""
    selector: str = "k1"
    headers: tuple[tuple[str, str], ...] = ()
    host: str = ""
    aligned: bool = False
    own_selector: str = "k1"

    @property
    def network(self) -> str:
        """The neighbourhood that its SPF record names."""
        return self.ip.rpartition(".")[0] + ".0/24"


def account(pattern: str, chance: Random) -> str:
    """Return a customer's id of the provider's kind."""
    drawn = {"#": "123456789", "%": "0123456789abcdef", "@": "abcdefghjkmnpqrstuvwxyz"}
    return "".join(chance.choice(drawn[c]) if c in drawn else c for c in pattern)


_LEAVE = ("List-Unsubscribe", "<https://{label}.list-manage.com/unsubscribe?u={account}&id={mark}>")
_PRECEDENCE = ("Precedence", "bulk")

SHAPES: tuple[Shape, ...] = (
    Shape(
        "mailchimp", "198.2.180.11", "bounce-mc.us14_{job}.{mark}@mail11.suw16.rsgsv.net", "%%%%%%%%%%%%%%%%%%%%%%%%%%",
        "mailchimpapp.net", "k2",
        (
            ("X-MC-User", "{account}"), ("X-Campaign", "mailchimp{account}.{mark}"), _LEAVE,
            ("Feedback-ID", "{job}:{job}.998877:us14:mc"), ("List-ID", "{label} list <{account}.{job}.list-id.mcsv.net>"),
        ), host="mail11.suw16.rsgsv.net",
    ),
    Shape(
        "sendgrid", "149.72.33.44", "bounces+{account}-{short}-{to}@sendgrid.net", "#######", "sendgrid.net", "smtpapi",
        (("X-SG-EID", "u001.{mark}=="), ("X-SG-ID", "u001.{mark}"), ("Feedback-ID", "{account}:SG")),
        host="wrqvtbzz.outbound-mail.sendgrid.net",
    ),
    Shape(
        "amazon-ses", "54.240.3.9", "0102{mark}-{short}-000000@eu-west-1.amazonses.com",
        "c2VzIGFj%%%%%%%%%%%%%%%%b25lIGlzIHRoaX", "amazonses.com", "ses2",
        (("Feedback-ID", "::1.eu-west-1.{account}=:AmazonSES"), ("X-SES-Outgoing", "2026.03.01-54.240.3.9")),
        host="a3-9.smtp-out.eu-west-1.amazonses.com",
    ),
    Shape(
        "klaviyo", "149.72.183.9", "bounces+37000001-{short}-{to}@k1.ksd2.klaviyomail.com", "@@@@@@", "",
        headers=(
            ("X-Kmail-Account", "{account}"), ("X-Kmail-Message", "01JNW5X778QAKB9TZ3008A1Y06"), ("X-SG-EID", "u001.{mark}"),
            ("List-Unsubscribe", "<https://manage.kmail-lists.com/subscriptions/unsubscribe?a={account}>"), _PRECEDENCE,
        ), host="o9.k1.ksd2.klaviyomail.com",
    ),
    Shape(
        "brevo", "77.32.148.7", "bounces-{account}-{to}@ce.d.sender-sib.com", "#######", "sendinblue.com", "mail",
        (
            ("X-Mailin-Client", "{account}"), ("X-sib-id", "{mark}"), ("List-Unsubscribe", "<https://r.{domain}/un/{mark}>"),
            ("Feedback-ID", "77.32.148.7:{account}_-1:{account}:Sendinblue"),
        ), host="ce.d.sender-sib.com",
    ),
    Shape(
        "constant-contact", "208.75.123.162", "A{short}_{account}_{mark}@in.constantcontact.com", "1##########",
        "auth.ccsend.com", "1000073432",
        (
            ("X-Roving-Id", "{account}.11"), ("X-CTCT-ID", "{mark}"), ("Feedback-ID", "{mark}:{short}:{account}:CTCT"),
            ("List-Unsubscribe", "<https://visitor.constantcontact.com/do?p=un&m={mark}>"), _PRECEDENCE,
        ), host="ccm162.constantcontact.com",
    ),
    Shape(
        "campaign-monitor", "203.55.21.14", "{account}-b{mark}@cmail20.com", "@@@@@@@@", "cmail20.com", "cm",
        (
            ("X-Complaints-To", "abuse@cmail20.com"), _PRECEDENCE,
            ("List-Unsubscribe", "<https://{account}.cmail20.com/t/{account}-u-{mark}/>"),
        ), host="mo14.cmail20.com",
    ),
    Shape(
        "mailjet", "87.253.233.140", "{mark}@a{account}.bnc3.mailjet.com", "####", "mailjet.com", "mailjet",
        (("X-MJ-Mid", "{mark}"), ("Feedback-ID", "42.{account}.{job}:MJ"), ("X-MJ-SMTPGUID", "{mark}-a")),
        host="o140.p8.mailjet.com",
    ),
    Shape(
        "acoustic", "74.112.69.20", "v-{short}_{mark}_{short}_a@bounce.news.mkt2527.com", "#####", "mkt2527.com", "spop1024",
        (
            ("x-mid", "{job}"), ("x-rpcampaign", "sp{job}"), ("x-orgId", "{account}"),
            ("List-Unsubscribe", "<mailto:v-{mark}@bounce.news.mkt2527.com?subject=Unsubscribe>"),
        ), host="mail6920.news.mkt2527.com",
    ),
    Shape(
        "activecampaign", "173.244.12.5", "bounce-{account}-{job}-{mark}@em.emsd1.com", "######", "emsd1.com", "dk",
        (
            ("X-Mailer", "ActiveCampaign Mailer"), ("Feedback-ID", "{account}:{account}.{job}:{short}:activecampaign"),
            ("List-Unsubscribe", "<https://{label}.activehosted.com/box.php?nl=1&s={mark}>"),
        ), host="s5.em.emsd1.com",
    ),
    Shape(
        "zoho-campaigns", "136.143.178.9", "bounce-zem+{mark}@bounce.zcsend.net", "1c@@%%%%", "zcsend.net", "zc",
        (
            ("X-campaignid", "zohocampaigns.{account}.{mark}"), ("X-Mailer", "Zoho Campaigns"),
            ("List-Unsubscribe", "<https://{label}.maillist-manage.com/ua/optout?od={mark}>"),
        ), host="sender9.zcsend.net",
    ),
    Shape(
        "mailup", "93.174.66.9", "bounce+{mark}@ml01.musvc.com", "#####", "musvc.com", "ml01",
        (
            ("X-Abuse", "Please report abuse here: https://{label}.musvc2.net/p?c={account}&m={mark}"),
            ("List-Id", "<{account}.{job}>"), _PRECEDENCE,
        ), host="smtp9.musvc.com",
    ),
    Shape(
        "salesforce-marketing-cloud", "13.111.9.9", "bounce-12_HTML-{job}-1400500-{account}-77@bounce.mail.{domain}", "7######",
        "", "",
        (
            ("X-SFMC-Stack", "7"), ("x-job", "{account}_1400500"), ("Feedback-ID", "{account}:1400500:13.111.9.9:sfmktgcld"),
            ("List-Unsubscribe", "<https://click.mail.{domain}/unsub_center.aspx?qs={mark}>"),
        ), aligned=True, own_selector="200608",
    ),
    Shape(
        "hubspot", "158.247.18.30", "1ax{mark}@bf10.eu1.hubspotemail.net", "4######", "bf10.eu1.hubspotemail.net", "hs1",
        (("X-HS-Cid", "1axeyzx6t0feo3bkflmo"), ("List-Unsubscribe", "<https://hs-{account}.s.hubspotemail.net/hs/{mark}>")),
        host="bid1830.bf10.hubspotemail.net", aligned=True, own_selector="hs2-{account}",
    ),
    Shape(
        "postmark", "50.31.205.12", "pm_bounces@pm.mtasv.net", "######", "pm.mtasv.net", "pm",
        (
            ("X-PM-Message-Id", "{uuid}"), ("X-Complaints-To", "abuse@postmarkapp.com"),
            ("Feedback-ID", "s{job}-_:s{job}:a{account}:postmark"),
        ), host="sc-ord-mta12.mtasv.net", aligned=True, own_selector="20260301pm",
    ),
    Shape(
        "sparkpost", "147.253.210.17", "msprvs1=20525abcd=bounces-{account}@bounces.{domain}", "######", "", "",
        (("X-MSFBL", "{mark}=|{mark}="), ("List-Unsubscribe", "<https://post.spmailtechno.test/{mark}>")),
        host="mta17.sparkpostmail.com", aligned=True, own_selector="scph0226",
    ),
    Shape(
        "marketo", "192.28.147.20", "311-ABC-{account}.0.1.2.3.4.{job}@em.{domain}", "###", "mktdns.com", "m1",
        (
            ("X-MarketoID", "311-ABC-{account}:{job}:{mark}"), ("X-MktMailDKIM", "true"), _PRECEDENCE,
            ("List-Unsubscribe", "<mailto:{mark}.{job}@unsub-ab.mktomail.com>"),
        ), host="em-sj-20.mktomail.com", aligned=True, own_selector="m1",
    ),
    Shape(
        "responsys", "12.130.130.11", "reply@{label}.rsys2.com", "{label}@@", "rsys2.com", "rsys",
        (("Feedback-ID", "{account}.1234:{job}:rsysoracle"), ("List-Unsubscribe", "<https://imh.rsys2.com/{mark}>")),
        host="omp11.rsys2.com", aligned=True, own_selector="rsys",
    ),
    Shape(
        "customerio", "143.55.232.9", "bounce+{mark}@cio{account}.{domain}", "######", "customeriomail.com", "mta",
        (("X-Mailer", "Customer.io (mailer)"), ("X-Report-Abuse-To", "badactor@customer.io"), ("Precedence", "bulk")),
        host="m9.customeriomail.com", aligned=True, own_selector="cio",
    ),
    Shape(
        "emarsys", "185.4.121.40", "suite10@emsmtp.com", "#########", "emarsys.net", "key1",
        (
            ("X-EMarSys-Identify", "{account}_{job}_77"), ("X-EMarSys-Environment", "suite10"),
            ("List-Unsubscribe", "<mailto:list-unsubscribe+{account}_{mark}@emarsys.net>"),
        ), host="mx40.emsmtp.com", aligned=True, own_selector="e2",
    ),
)  # fmt: skip
"""Providers of newsletters: the first twelve mostly send in their own name, the others in the vendor's."""

ZENDESK = Shape(
    "zendesk", "192.161.150.7", "support@{label}.zendesk.com", "%%%%%%%", "zendesk.com", "zendesk1",
    (("X-Zendesk-From-Account-Id", "{account}"), ("X-Mailer", "Zendesk Mailer"), ("Auto-Submitted", "auto-generated")),
    host="outbyoip7.pod5.zdsys.com",
)  # fmt: skip
FRESHDESK = Shape(
    "freshdesk", "147.253.211.3", "bounces+{mark}@{label}.freshdesk.com", "%%%%%%%", "freshdesk.com", "fdm",
    (("X-FD-Account", "{account}"), ("Auto-Submitted", "auto-generated")), host="out3.freshdesk.com",
)  # fmt: skip
WORKSPACE = Shape(
    "google-workspace", "209.85.128.53", "{who}@{domain}", "{label}-example", "{account}.20230601.gappssmtp.com",
    "20230601", (("X-Google-DKIM-Signature", "v=1; a=rsa-sha256; d=1e100.net; s=20230601; h=from; bh=x; b=x"),),
    host="mail-wm1-f53.google.com",
)  # fmt: skip
