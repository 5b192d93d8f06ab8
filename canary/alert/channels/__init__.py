"""One file per kind of destination, and the table of them."""

from collections.abc import Mapping

from canary.alert.channels import slack, webhook
from canary.alert.channels.base import Channel

CHANNELS: Mapping[str, Channel] = {
    "slack": slack.CHANNEL,
    "webhook": webhook.CHANNEL,
}
