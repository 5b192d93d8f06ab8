"""counts of what comes to vendors, canaries, days, campaigns and cases; what was believed of cases when"""

import sqlalchemy as sa
import sqlmodel
from alembic import op


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

Text, Time = sqlmodel.sql.sqltypes.AutoString(), sqlmodel.UTCDateTime()
KINDS = ('own', 'outside', 'asking', 'hints', 'other')
SERIES = ('expected', 'supplier', 'third_party', 'spam', 'other')
NEVER = {'sqlite': "'1970-01-01 00:00:00.000000'", 'postgresql': "timestamptz '1970-01-01 00:00:00+00'"}
MONDAY = {'sqlite': "date(h.at, '-6 days', 'weekday 1')", 'postgresql': "date_trunc('week', h.at)::date"}
LEAK = "h.verdict IN ('impersonation', 'third-party', 'spam')"
KIND = {
    'own': "h.verdict IN ('expected', 'self-test', 'supplier')",
    'outside': LEAK,
    'asking': "h.verdict = 'new-sender'",
    'hints': "h.verdict IN ('backscatter', 'probe')",
    'other': "h.verdict = 'misdirected'",
}
LAYER = {
    'expected': "h.verdict IN ('expected', 'self-test')",
    'supplier': "h.verdict = 'supplier'",
    'third_party': "h.verdict = 'third-party'",
    'spam': "h.verdict IN ('spam', 'impersonation')",
    'other': "h.verdict IN ('new-sender', 'backscatter', 'probe', 'misdirected')",
}


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    never = sa.text(NEVER[dialect])
    for name, key, more in (('canary', 'canary_id', ()), ('vendor', 'vendor_id', ('outsiders',))):
        op.create_table(f'{name}_tally',
        sa.Column(key, sa.Integer(), nullable=False),
        *(sa.Column(kind, sa.Integer(), nullable=False) for kind in (*KINDS, *more)),
        sa.Column('first_outside', Time, nullable=True),
        sa.Column('last_outside', Time, nullable=False),
        sa.Column('last_at', Time, nullable=False),
        sa.ForeignKeyConstraint([key], [f'{name}.id'], name=op.f(f'fk_{name}_tally_{key}')),
        sa.PrimaryKeyConstraint(key, name=op.f(f'pk_{name}_tally'))
        )
    op.create_index('ix_vendor_tally_last_outside', 'vendor_tally', ['last_outside', 'vendor_id'])
    op.create_index('ix_vendor_tally_outsiders', 'vendor_tally', ['outsiders'])
    op.create_index('ix_vendor_tally_asking', 'vendor_tally', ['asking', 'vendor_id'])
    op.create_table('vendor_week',
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('week', sa.Date(), nullable=False),
    *(sa.Column(name, sa.Integer(), nullable=False) for name in SERIES),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_vendor_week_vendor_id')),
    sa.PrimaryKeyConstraint('vendor_id', 'week', name=op.f('pk_vendor_week')),
    sqlite_with_rowid=False,
    )
    op.create_table('day_count',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('verdict', Text, nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('day', 'verdict', name=op.f('pk_day_count')),
    sqlite_with_rowid=False,
    )
    op.create_table('vendor_outsider',
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('domain', Text, nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('last_at', Time, nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_vendor_outsider_vendor_id')),
    sa.PrimaryKeyConstraint('vendor_id', 'domain', name=op.f('pk_vendor_outsider')),
    sqlite_with_rowid=False,
    )
    op.create_index('ix_vendor_outsider_last', 'vendor_outsider', ['vendor_id', 'last_at'])
    op.create_table('strike',
    sa.Column('campaign_id', sa.Integer(), nullable=False),
    sa.Column('canary_id', sa.Integer(), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('hits', sa.Integer(), nullable=False),
    sa.Column('leaks', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['canary_id'], ['canary.id'], name=op.f('fk_strike_canary_id')),
    sa.PrimaryKeyConstraint('campaign_id', 'canary_id', 'case_id', name=op.f('pk_strike')),
    sqlite_with_rowid=False,
    )
    op.create_index('ix_strike_case', 'strike', ['case_id', 'campaign_id', 'canary_id'])
    op.create_table('case_belief',
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('at', Time, nullable=False),
    sa.Column('kind', Text, nullable=False),
    sa.Column('suspect', Text, nullable=False),
    sa.Column('p', sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_case_belief_case_id')),
    sa.PrimaryKeyConstraint('case_id', 'at', 'kind', 'suspect', name=op.f('pk_case_belief')),
    sqlite_with_rowid=False,
    )
    op.create_index('ix_case_belief_suspect', 'case_belief', ['kind', 'suspect', 'at'])
    _fill(dialect, never.text)


def _fill(dialect: str, never: str) -> None:
    def sums(conditions: dict[str, str]) -> str:
        return ', '.join(f'sum(CASE WHEN {found} THEN 1 ELSE 0 END)' for found in conditions.values())

    times = f"min(CASE WHEN {LEAK} THEN h.at END), coalesce(max(CASE WHEN {LEAK} THEN h.at END), {never}), max(h.at)"
    op.execute(
        f"INSERT INTO canary_tally (canary_id, {', '.join(KINDS)}, first_outside, last_outside, last_at)"
        f" SELECT h.canary_id, {sums(KIND)}, {times} FROM hit h WHERE h.verdict <> 'guess' GROUP BY h.canary_id"
    )
    op.execute(
        "INSERT INTO vendor_outsider (vendor_id, domain, count, last_at)"
        " SELECT c.vendor_id, coalesce(m.identity_domain, ''), count(*), max(h.at)"
        f" FROM hit h JOIN canary c ON c.id = h.canary_id LEFT JOIN mail m ON m.id = h.mail_id WHERE {LEAK}"
        " AND c.vendor_id IS NOT NULL GROUP BY 1, 2"
    )
    op.execute(
        f"INSERT INTO vendor_tally (vendor_id, {', '.join(KINDS)}, outsiders, first_outside, last_outside, last_at)"
        f" SELECT c.vendor_id, {', '.join(f't.{kind}' for kind in KINDS)},"
        " (SELECT count(*) FROM vendor_outsider o WHERE o.vendor_id = c.vendor_id), t.a, t.b, t.c FROM"
        f" (SELECT k.vendor_id, {', '.join(f'sum(y.{kind}) AS {kind}' for kind in KINDS)},"
        " min(y.first_outside) AS a, max(y.last_outside) AS b, max(y.last_at) AS c"
        " FROM canary_tally y JOIN canary k ON k.id = y.canary_id WHERE k.vendor_id IS NOT NULL GROUP BY k.vendor_id) t"
        " JOIN (SELECT DISTINCT vendor_id FROM canary) c ON c.vendor_id = t.vendor_id"
    )
    op.execute(
        f"INSERT INTO vendor_week (vendor_id, week, {', '.join(SERIES)})"
        f" SELECT c.vendor_id, {MONDAY[dialect]}, {sums(LAYER)} FROM hit h JOIN canary c ON c.id = h.canary_id"
        " WHERE h.verdict <> 'guess' AND c.vendor_id IS NOT NULL GROUP BY 1, 2"
    )
    op.execute(
        "INSERT INTO day_count (day, verdict, count) SELECT date(h.at), h.verdict, count(*) FROM hit h GROUP BY 1, 2"
    )
    op.execute(
        "INSERT INTO strike (campaign_id, canary_id, case_id, hits, leaks)"
        f" SELECT coalesce(m.campaign_id, 0), h.canary_id, coalesce(h.case_id, 0), count(*), {sums({'leaks': LEAK})}"
        " FROM hit h LEFT JOIN mail m ON m.id = h.mail_id"
        " WHERE m.campaign_id IS NOT NULL OR h.case_id IS NOT NULL GROUP BY 1, 2, 3"
    )
    _fill_beliefs()


def _fill_beliefs() -> None:
    case = sa.table('leak_case', sa.column('id'), sa.column('last_hit_at'), sa.column('suspects', sa.JSON()))
    rows = [
        {'case': number, 'at': at, 'kind': s['kind'], 'suspect': s['id'], 'p': s['p']}
        for number, at, suspects in op.get_bind().execute(sa.select(case))
        for s in (suspects or ())[:8]
    ]
    if rows:
        into = "INSERT INTO case_belief (case_id, at, kind, suspect, p) VALUES (:case, :at, :kind, :suspect, :p)"
        op.get_bind().execute(sa.text(into), rows)


def downgrade() -> None:
    for name in ('case_belief', 'strike', 'vendor_outsider', 'day_count', 'vendor_week', 'vendor_tally', 'canary_tally'):
        op.drop_table(name)
