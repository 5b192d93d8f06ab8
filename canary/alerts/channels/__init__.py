"""One file per kind of destination, and the table of them."""

from collections.abc import Mapping

from canary.alerts.channels import apprise, discord, mattermost, ntfy, slack, syslog, teams, webhook
from canary.alerts.channels.base import Channel

CHANNELS: Mapping[str, Channel] = {
    "slack": slack.CHANNEL,
    "webhook": webhook.CHANNEL,
    "teams": teams.CHANNEL,
    "discord": discord.CHANNEL,
    "ntfy": ntfy.CHANNEL,
    "mattermost": mattermost.CHANNEL,
    "apprise": apprise.CHANNEL,
    "syslog": syslog.CHANNEL,
}
