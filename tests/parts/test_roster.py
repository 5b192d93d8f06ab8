"""The roster and the count of tries, in both kinds of store, asked by many at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from canary.store.database import Database
from canary.store.queries import login_attempts, user_admin
from canary.store.queries.users import add_user, mark_used, new_token, use_token
from canary.store.queries.vendors import Unknown

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def people(store: Database, *roles: str) -> list[int]:
    with store.writing() as session:
        return [add_user(session, f"user{n}", "x" * 10, role, NOW).id or 0 for n, role in enumerate(roles)]


def test_as_many_tries_as_allowed_go_through_however_many_come_at_once(store: Database) -> None:
    def attempt(_: int) -> bool:
        with store.writing() as session:
            return login_attempts.enter(session, {"ada": 5, "host": 100}, NOW)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(12))) == 5


def test_tries_are_forgotten_by_time_and_by_success(store: Database) -> None:
    def attempt(key: str, at: datetime) -> bool:
        with store.writing() as session:
            return login_attempts.enter(session, {key: 1}, at)

    assert [attempt("a", NOW), attempt("a", NOW), attempt("b", NOW)] == [True, False, True]
    assert attempt("a", NOW + login_attempts.SPAN)
    with store.writing() as session:
        login_attempts.clear(session, ["a"])
    assert attempt("a", NOW + login_attempts.SPAN)


def test_two_admins_who_remove_each_other_at_once_leave_one(store: Database) -> None:
    ids = people(store, "admin", "admin")

    def demote(number: int) -> bool:
        try:
            with store.writing() as session:
                user_admin.set_role(session, number, "viewer", NOW)
        except ValueError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, ids)) == [False, True]


def test_the_list_of_users_shows_when_each_was_last_seen(store: Database) -> None:
    ada, _ = people(store, "admin", "viewer")
    with store.writing() as session:
        secret = new_token(session, ada, "session", HOUR, NOW)
        new_token(session, ada, "session", HOUR, NOW)
        visitor = use_token(session, secret, "session", NOW)
        assert visitor is not None
        mark_used(session, visitor.token, "192.0.2.1", "agent", NOW)
    with store.reading() as session:
        found = user_admin.members(session, NOW)
        assert [(m.name, m.sessions, m.last_at) for m in found] == [("user0", 2, NOW), ("user1", 0, None)]
        assert user_admin.members(session, NOW + HOUR)[0].sessions == 0


def test_one_session_many_or_all_but_one_are_ended(store: Database) -> None:
    [ada] = people(store, "admin")
    with store.writing() as session:
        for _ in range(3):
            new_token(session, ada, "session", HOUR, NOW)
        first, second, _ = (line.id for line in user_admin.passes(session, ada, NOW, "session"))
        assert user_admin.end(session, ada, NOW, only=first) == 1
        assert user_admin.end(session, ada, NOW, keep=second) == 1
        assert [line.id for line in user_admin.passes(session, ada, NOW, "session")] == [second]
        assert user_admin.end(session, ada + 1, NOW, only=second) == 0


def test_a_removed_user_leaves_nothing_behind(store: Database) -> None:
    _, bob = people(store, "admin", "viewer")
    with store.writing() as session:
        secret = new_token(session, bob, "api", HOUR, NOW)
        assert user_admin.remove(session, bob) == "user1"
    with store.reading() as session:
        assert use_token(session, secret, "api", NOW) is None
        with pytest.raises(Unknown, match=f"user {bob}: there is none"):
            user_admin.member(session, bob)
