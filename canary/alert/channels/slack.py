"""Slack incoming webhooks."""

import json

from canary.alert.channels.base import Post, check
from canary.alert.compose import slack
from canary.net.http import Http

# The error words after which Slack's documentation says not to try again.
_PERMANENT = frozenset({
    "no_service", "no_active_hooks", "channel_not_found", "channel_is_archived", "action_prohibited",
    "posting_to_general_channel_denied", "no_team", "team_disabled", "invalid_token", "invalid_payload", "invalid_blocks",
})  # fmt: skip


def send(http: Http, post: Post) -> None:
    """Post the fact as Block Kit; raises NotSent."""
    body = json.dumps(slack(post.alert, post.link)).encode()
    headers = {"Content-Type": "application/json", "X-Canary-Alert": post.alert.id}
    check(http.post(post.target.url, body, headers), _PERMANENT)
