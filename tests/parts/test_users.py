"""Users and tokens in the store."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from canary.store.database import Database
from canary.store.queries.users import add_user, check_password, forget_expired, new_token, revoke, use_token
from canary.store.tables import TokenRow, UserRow

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PASSWORD = "correct horse battery"


@pytest.fixture
def database(sqlite_store: Database) -> Database:
    """An empty store with one user."""
    with sqlite_store.writing() as session:
        add_user(session, "Ada", PASSWORD, "admin", NOW)
    return sqlite_store


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A transaction on that store."""
    with database.writing() as session:
        yield session


def test_a_password_is_kept_as_an_argon2id_hash(session: Session) -> None:
    assert session.exec(select(UserRow.password)).one().startswith("$argon2id$")


@pytest.mark.parametrize(
    ("name", "password", "found"),
    [("ada", PASSWORD, True), (" ADA ", PASSWORD, True), ("ada", "wrong", False), ("bob", PASSWORD, False)],
)
def test_only_name_and_password_together_let_in(session: Session, name: str, password: str, found: bool) -> None:
    assert (check_password(session, name, password) is not None) == found


def test_a_user_without_a_password_cannot_log_in_with_one(session: Session) -> None:
    session.add(UserRow(name="linked", created_at=NOW))
    assert check_password(session, "linked", "") is None


@pytest.mark.parametrize(
    ("name", "password", "role", "fault"),
    [
        ("ADA", PASSWORD, "viewer", "user 'ada' exists already"),
        ("bob", "short", "viewer", "choose one with 10 to"),
        ("bob", "x" * 1001, "viewer", "choose one with 10 to"),
        ("bob", PASSWORD, "king", "role 'king' is not known"),
        (" ", PASSWORD, "viewer", "choose one with 1 to 64"),
    ],
)
def test_a_user_that_cannot_be_is_refused_in_one_line(
    session: Session, name: str, password: str, role: str, fault: str
) -> None:
    with pytest.raises(ValueError, match=fault) as refused:
        add_user(session, name, password, role, NOW)
    assert "\n" not in str(refused.value)


def test_a_token_is_kept_as_its_hash_only(session: Session) -> None:
    secret = new_token(session, 1, "session", HOUR, NOW)
    assert len(secret) == 43
    assert secret not in str(session.exec(select(TokenRow)).one())


def test_a_token_stands_for_its_user_until_it_ends(session: Session) -> None:
    secret = new_token(session, 1, "session", HOUR, NOW)
    assert use_token(session, secret, "session", NOW) == use_token(session, secret, "session", NOW)
    assert use_token(session, secret, "api", NOW) is None
    assert use_token(session, secret, "session", NOW + HOUR) is None
    revoke(session, secret, NOW)
    assert use_token(session, secret, "session", NOW) is None


def test_a_token_of_an_unknown_kind_is_refused(session: Session) -> None:
    with pytest.raises(ValueError, match="token kind 'ring' is not known"):
        new_token(session, 1, "ring", HOUR, NOW)


def test_a_login_link_lets_in_one_of_many_who_click_at_once(database: Database) -> None:
    with database.writing() as session:
        secret = new_token(session, 1, "login", HOUR, NOW)

    def click(_: int) -> bool:
        with database.writing() as session:
            return use_token(session, secret, "login", NOW) is not None

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(click, range(8))) == 1


def test_tokens_that_ended_long_ago_are_forgotten(store: Database) -> None:
    with store.writing() as session:
        user = add_user(session, "old", PASSWORD, "viewer", NOW)
        for days in (1, 60):
            new_token(session, user.id or 0, "session", timedelta(days=days), NOW)
    with store.writing() as session:
        forget_expired(session, NOW + timedelta(days=32))
    with store.reading() as session:
        assert session.exec(select(TokenRow.expires_at)).all() == [NOW + timedelta(days=60)]
