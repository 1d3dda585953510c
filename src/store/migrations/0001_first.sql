-- The first schema. Times are nanoseconds since 1970, UTC; alert ids are 16 hexadecimal digits.

-- What the numbers in positions mean; never renumbered.
CREATE TABLE streams (
    id        INTEGER PRIMARY KEY,
    source    TEXT    NOT NULL,
    topic     TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    UNIQUE (source, topic, partition)
) STRICT;

CREATE TABLE positions (
    stream   INTEGER PRIMARY KEY REFERENCES streams (id),
    resume   INTEGER NOT NULL,
    absorbed INTEGER NOT NULL
) STRICT;

-- Newest whole state of each shard and the changes after it, in order; crc32 covers the whole row.
CREATE TABLE state (
    component TEXT    NOT NULL,
    shard     INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    whole     INTEGER NOT NULL,
    crc32     INTEGER NOT NULL,
    bytes     BLOB    NOT NULL,
    UNIQUE (component, shard, seq)
) STRICT;

CREATE TABLE pipeline_values (
    name  TEXT PRIMARY KEY,
    crc32 INTEGER NOT NULL,
    bytes BLOB    NOT NULL
) STRICT;

-- One row: the newest epoch and the counters as they were then.
CREATE TABLE epoch (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    number     INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    accounting TEXT    NOT NULL
) STRICT;

-- `alert` holds the alert as JSON; the columns before it are what lists filter and sort by.
CREATE TABLE alerts (
    id          TEXT    NOT NULL UNIQUE,
    fingerprint INTEGER NOT NULL,
    revision    INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    level       INTEGER NOT NULL,
    family      TEXT    NOT NULL,
    app         TEXT,
    detector    TEXT    NOT NULL,
    entity_kind TEXT    NOT NULL,
    entity      TEXT    NOT NULL,
    opened_at   INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL,
    words       INTEGER NOT NULL,
    alert       TEXT    NOT NULL
) STRICT;

-- Every list is read in the order (last_seen, id); what it filters by stands in the index too, so
-- that only rows that are shown are fetched. The reader names its index, for the planner has no
-- statistics to choose by.
CREATE INDEX alerts_by_time   ON alerts (last_seen DESC, id DESC, state, level, family, app);
CREATE INDEX alerts_unclosed  ON alerts (last_seen DESC, id DESC, state, level, family, app) WHERE state < 2;
CREATE INDEX alerts_severe    ON alerts (last_seen DESC, id DESC, state, level, family, app) WHERE level >= 3;
CREATE INDEX alerts_by_app    ON alerts (app, last_seen DESC, id DESC, state, level, family);
CREATE INDEX alerts_by_family ON alerts (family, last_seen DESC, id DESC, state, level, app);
CREATE INDEX alerts_to_prune  ON alerts (changed_at) WHERE state = 2;

CREATE VIRTUAL TABLE alert_words USING fts5 (
    text, content = '', contentless_delete = 1, tokenize = 'unicode61', prefix = '2 3'
);

CREATE TABLE history (
    id       INTEGER PRIMARY KEY,
    alert    TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    says     TEXT    NOT NULL
) STRICT;
CREATE INDEX history_of_alert ON history (alert, revision, id);

-- outcome: 0 waiting, 1 delivered, 2 refused for good.
CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    sink       TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    alert      TEXT    NOT NULL,
    revision   INTEGER NOT NULL,
    payload    TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    due        INTEGER NOT NULL,
    outcome    INTEGER NOT NULL DEFAULT 0,
    note       TEXT    NOT NULL DEFAULT '',
    settled_at INTEGER,
    UNIQUE (sink, key)
) STRICT;
CREATE INDEX outbox_due      ON outbox (sink, due, id, alert, revision) WHERE outcome = 0;
CREATE INDEX outbox_blocking ON outbox (sink, alert, revision) WHERE outcome = 0;
CREATE INDEX outbox_of_alert ON outbox (alert, id);
CREATE INDEX outbox_to_prune ON outbox (settled_at) WHERE outcome > 0;

-- Who did what; also what a replay needs to see the same.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    who     TEXT    NOT NULL,
    did     TEXT    NOT NULL,
    alert   TEXT    NOT NULL,
    command TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_of_alert ON audit (alert, id);

-- Event time moved by silence, not by an event.
CREATE TABLE advances (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    moved_to INTEGER NOT NULL
) STRICT;

CREATE TABLE dead_letters (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    place  INTEGER NOT NULL,
    reason TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    bytes  BLOB    NOT NULL,
    UNIQUE (stream, offset, place)
) STRICT;
