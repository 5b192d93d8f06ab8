"""words of mails and names, to be searched; kept by triggers on SQLite and as indexes on PostgreSQL

A later migration that makes one of these tables anew (as batch operations of Alembic do on SQLite) has to make its
triggers anew as well.
"""

from alembic import op


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

# What is searched, of which table, by which columns. Beginnings of words are found in all but `words_mail`.
HEAD = ('subject', 'sender_name', 'sender', 'identity_domain')
TEXT = 'substr({}text, 1, 8192)'
INDEXES = {
    'words_mail': ('mail', (*HEAD, TEXT)),
    'words_head': ('mail', HEAD),
    'words_vendor': ('vendor', ('name', 'slug')),
    'words_supplier': ('supplier', ('name', 'slug')),
    'words_canary': ('canary', ('address',)),
    'words_sender': ('sender', ('key',)),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        if op.get_bind().dialect.name == 'sqlite':
            _sqlite(name, table, columns)
        elif name != 'words_head':
            _postgresql(name, table, columns)


def _sqlite(name: str, table: str, columns: tuple[str, ...]) -> None:
    names = ', '.join(f'c{n}' for n in range(len(columns)))
    prefix = "" if name == 'words_mail' else ", prefix='2 3 4 5 6 7 8'"
    op.execute(f"CREATE VIRTUAL TABLE {name} USING fts5({names}, content='', detail=none, columnsize=0{prefix})")
    new, old = _values(columns, 'new.'), _values(columns, 'old.')
    put = f"INSERT INTO {name} (rowid, {names}) VALUES (new.id, {new});"
    take = f"INSERT INTO {name} ({name}, rowid, {names}) VALUES ('delete', old.id, {old});"
    op.execute(f"CREATE TRIGGER {name}_came AFTER INSERT ON {table} BEGIN {put} END")
    op.execute(f"CREATE TRIGGER {name}_gone AFTER DELETE ON {table} BEGIN {take} END")
    watched = ', '.join('text' if column is TEXT else column for column in columns)
    op.execute(f"CREATE TRIGGER {name}_changed AFTER UPDATE OF {watched} ON {table} BEGIN {take} {put} END")
    op.execute(f"INSERT INTO {name} (rowid, {names}) SELECT id, {_values(columns, '')} FROM {table}")


def _values(columns: tuple[str, ...], row: str) -> str:
    return ', '.join(column.format(row) if column is TEXT else f'{row}{column}' for column in columns)


def _postgresql(name: str, table: str, columns: tuple[str, ...]) -> None:
    said = " || ' ' || ".join(column.format('') if column is TEXT else column for column in columns)
    plain = f"translate({said}, '@.-_+/:', '       ')"
    op.execute(f"CREATE INDEX {name} ON {table} USING gin (to_tsvector('simple', {plain}))")


def downgrade() -> None:
    for name in INDEXES:
        if op.get_bind().dialect.name == 'sqlite':
            for what in ('came', 'gone', 'changed'):
                op.execute(f"DROP TRIGGER {name}_{what}")
            op.execute(f"DROP TABLE {name}")
        elif name != 'words_head':
            op.execute(f"DROP INDEX {name}")
