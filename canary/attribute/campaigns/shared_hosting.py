"""What many senders who have nothing to do with each other share, so that meeting there links nobody."""

import re

MAILERS = frozenset("""
    google.com googlemail.com gmail.com outlook.com office365.com microsoft.com yahoo.com yahoodns.net icloud.com
    apple.com amazonses.com aol.com gmx.net gmx.de web.de kundenserver.de ionos.com mail.ru yandex.net yandex.ru qq.com
    163.com mimecast.com pphosted.com messagelabs.com barracudanetworks.com hostedemail.com emailsrvr.com
    zoho.com titan.email privateemail.com registrar-servers.com hostinger.com mailchannels.net antispamcloud.com
""".split())  # fmt: skip
"""Machines of these carry anybody's mail: neither their names nor their networks say who sent."""

HOSTERS = frozenset("""
    amazonaws.com googleusercontent.com cloudapp.net azure.com ovh.net ovh.ca contaboserver.net your-server.de
    hetzner.com linode.com linodeusercontent.com vultr.com vultrusercontent.com digitalocean.com secureserver.net
    unifiedlayer.com bluehost.com hostgator.com websitewelcome.com dreamhost.com scaleway.com online.net ionos.com
    colocrossing.com leaseweb.com kimsufi.com stratoserver.net strato.de as13448.com rdns.com ip-pool.com poneytelecom.eu
    xserver.jp sakura.ne.jp conoha.io linodeip.com hostwindsdns.com hwsrv.com quadranet.com choopa.net
    plesk.page cprapid.com localdomain local lan internal home invalid localhost
""".split())  # fmt: skip
"""Machines are rented out under these names: the name says nothing, the network still does."""

SITES = frozenset("""
    w3.org google.com googleapis.com gstatic.com goo.gl forms.gle g.co youtube.com youtu.be
    facebook.com fb.com fb.me instagram.com whatsapp.com wa.me twitter.com x.com t.co linkedin.com lnkd.in pinterest.com
    tiktok.com telegram.org t.me discord.com discord.gg reddit.com apple.com icloud.com microsoft.com live.com office.com
    office.net microsoftonline.com outlook.com msn.com bing.com aka.ms windows.com onedrive.com
    1drv.ms skype.com amazon.com amazon.de amazon.co.uk amazon.co.jp amazon.fr awstrack.me
    paypal.com paypal.me ebay.com netflix.com spotify.com adobe.com docusign.com docusign.net dropbox.com github.com
    gitlab.com wikipedia.org yahoo.com aol.com dhl.com dhl.de ups.com usps.com fedex.com dpd.com bit.ly bitly.com
    tinyurl.com ow.ly is.gd rebrand.ly cutt.ly t.ly shorturl.at s.id buff.ly lnk.to linktr.ee qrco.de
    urldefense.com proofpoint.com mimecast.com cisco.com imgur.com
    cloudflare.com cloudflare-ipfs.com ipfs.io medium.com
    canva.com zoom.us calendly.com typeform.com surveymonkey.com mailchimp.com list-manage.com mailchi.mp
    campaign-archive.com sendgrid.net sendgrid.com mandrillapp.com mailgun.org sparkpostmail.com mjt.lu
    hubspotlinks.com klclick.com klclick1.com rs6.net constantcontact.com exacttarget.com exct.net sendibt2.com
    sendibm1.com mailjet.com doubleclick.net googleadservices.com trustpilot.com schema.org mozilla.org
    coinbase.com binance.com metamask.io trustwallet.com chase.com bankofamerica.com wellsfargo.com americanexpress.com
""".split())  # fmt: skip
"""Links lead to these, and to hosts below them, from anybody's mail: brands that are imitated, shorteners, counters."""

COUNTRIES = re.compile(r"(?:[a-z0-9-]+\.)*(?:google|amazon|ebay|paypal|dhl|microsoft)(?:\.com?)?\.[a-z]{2}")
"""The same brands under the domains of countries."""

STORES = re.compile(
    r"(?:[a-z0-9-]+\.)?(?:s3[.-][a-z0-9.-]*amazonaws\.com|(?:storage|firebasestorage)\.googleapis\.com)"
)
"""Stores that name the owner of a page only in the path."""

ROLES = frozenset("""
    info admin administrator support service services customerservice help helpdesk contact office sales billing
    noreply no-reply no_reply donotreply do-not-reply do_not_reply news newsletter mail email mailer notification
    notifications notice alert alerts security account accounts team update updates postmaster root webmaster hello
    marketing reply bounce user test
""".split())  # fmt: skip
"""Local parts that anybody uses."""
