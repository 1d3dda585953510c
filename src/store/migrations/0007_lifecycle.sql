-- What people do with alerts, and what they leave behind.

-- What lists filter by beside what the first schema has.
ALTER TABLE alerts ADD COLUMN assignee TEXT;
ALTER TABLE alerts ADD COLUMN class TEXT;
UPDATE alerts SET assignee = json_extract(alert, '$.assignee');
UPDATE alerts SET class = 'undetermined' WHERE state = 2 AND json_extract(alert, '$.closing."by-person"') IS NOT NULL;
CREATE INDEX alerts_by_detector ON alerts (detector, last_seen DESC, id DESC, state, level);
CREATE INDEX alerts_by_entity   ON alerts (entity, last_seen DESC, id DESC, state, level);
CREATE INDEX alerts_assigned    ON alerts (assignee, last_seen DESC, id DESC, state) WHERE assignee IS NOT NULL;
CREATE INDEX alerts_judged      ON alerts (class, last_seen DESC, id DESC, state) WHERE class IS NOT NULL;

-- Who did what to an alert, from what to what. `who` is empty for what came of itself. One line
-- for each revision and deed, however often it is written.
CREATE TABLE activity (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    alert         TEXT    NOT NULL,
    revision      INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    who           TEXT    NOT NULL,
    did           TEXT    NOT NULL,
    says          TEXT    NOT NULL,
    from_state    INTEGER,
    to_state      INTEGER NOT NULL,
    from_assignee TEXT,
    to_assignee   TEXT,
    from_class    TEXT,
    to_class      TEXT,
    UNIQUE (alert, revision, did)
) STRICT;
-- Of older alerts the history knows what happened, though not from what to what.
INSERT OR IGNORE INTO activity (alert, revision, at, who, did, says, to_state)
    SELECT alert, revision, at, '', 'recorded', says,
           CASE WHEN says LIKE 'closed%' THEN 2 WHEN says LIKE 'acknowledged%' THEN 1 ELSE 0 END
    FROM history WHERE says <> 'events' ORDER BY id;

-- Changes of many alerts at once, kept to be undone.
CREATE TABLE bulks (
    id        TEXT PRIMARY KEY,
    at        INTEGER NOT NULL,
    who       TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    query     TEXT    NOT NULL,
    undone_at INTEGER,
    undone_by TEXT
) STRICT;
CREATE INDEX bulks_by_time ON bulks (at);
CREATE TABLE bulk_changes (
    bulk   TEXT NOT NULL,
    alert  TEXT NOT NULL,
    before TEXT NOT NULL,
    after  TEXT NOT NULL
) STRICT;
CREATE INDEX bulk_changes_of ON bulk_changes (bulk);

-- Silences as JSON; `over` when they ended.
CREATE TABLE silences (
    id      TEXT PRIMARY KEY,
    ends_at INTEGER NOT NULL,
    over    INTEGER NOT NULL,
    silence TEXT    NOT NULL
) STRICT;
CREATE INDEX silences_to_prune ON silences (ends_at) WHERE over = 1;

-- Which alerts nobody was told of, and what held that back: `silence:…`, `inhibited:…` or
-- `maintenance:…`.
CREATE TABLE mutes (
    alert TEXT    NOT NULL,
    by    TEXT    NOT NULL,
    at    INTEGER NOT NULL,
    UNIQUE (alert, by)
) STRICT;
CREATE INDEX mutes_by ON mutes (by, alert);
