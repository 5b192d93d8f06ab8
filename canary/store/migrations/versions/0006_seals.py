"""seals of canaries, and the mark of the key that made those of the decoys"""

import sqlalchemy as sa
import sqlmodel
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

# What an address gets that was issued before there were seals: octets that no key made, and that no number generator
# gives away.
_RANDOM = {
    'sqlite': "randomblob(16)",
    'postgresql': "substring(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) from 1 for 16)",
}


def upgrade() -> None:
    op.create_table('key_mark',
    sa.Column('name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('mark', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_key_mark'))
    )
    # With a default, as SQLite would otherwise make the table anew, which the hits that refer to it forbid.
    with op.batch_alter_table('canary', schema=None) as batch_op:
        batch_op.add_column(sa.Column('seal', sa.LargeBinary(), nullable=False, server_default=''))
    op.execute(f"UPDATE canary SET seal = {_RANDOM[op.get_bind().dialect.name]}")


def downgrade() -> None:
    # Who has no key cannot tell decoys any more, and an older version takes them for issued addresses.
    op.execute("ALTER TABLE canary DROP COLUMN seal")
    op.drop_table('key_mark')
