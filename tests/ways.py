"""How every route that changes something is used at the least: a new route needs its line here."""

from tests.website import EVIL, PASSWORD

FRESH = "a new password"

WAYS: dict[tuple[str, str], tuple[str, dict[str, str]]] = {
    ("POST", "/login"): ("/login", {"name": "ada", "password": PASSWORD}),
    ("POST", "/senders"): ("/senders", {"vendor": "play", "sender": EVIL, "answer": "approve"}),
    ("POST", "/canaries"): ("/canaries", {"vendor": "play"}),
    ("POST", "/canaries/bulk"): ("/canaries/bulk", {"rows": "play,signup,2"}),
    ("POST", "/canaries/{canary_id}/rotate"): ("/canaries/1/rotate", {}),
    ("POST", "/canaries/{canary_id}/burn"): ("/canaries/1/burn", {}),
    ("POST", "/vendors/{slug}/rotate"): ("/vendors/play/rotate", {}),
    ("POST", "/account/password"): ("/account/password", {"present": PASSWORD, "password": FRESH, "again": FRESH}),
    ("POST", "/account/sessions/end"): ("/account/sessions/end", {}),
    ("POST", "/setup/tokens"): ("/setup/tokens", {"name": "x"}),
    ("POST", "/setup/tokens/end"): ("/setup/tokens/end", {"token": "TOKEN"}),
    ("POST", "/setup/users"): ("/setup/users", {"name": "bob"}),
    ("POST", "/setup/users/{user_id}/role"): ("/setup/users/2/role", {"role": "admin"}),
    ("POST", "/setup/users/{user_id}/reset"): ("/setup/users/2/reset", {}),
    ("POST", "/setup/users/{user_id}/end"): ("/setup/users/2/end", {}),
    ("POST", "/setup/users/{user_id}/remove"): ("/setup/users/3/remove", {}),
    ("POST", "/login/once/{token}"): ("ONCE", {}),
    ("POST", "/login/reset/{token}"): ("RESET", {"password": FRESH, "again": FRESH}),
    ("POST", "/logout"): ("/logout", {}),
}
"""A way to use every route that changes something, in an order in which each succeeds."""
