-- Questions that people ask again, by name, for all who look; and lists by when alerts opened.

CREATE TABLE views (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    name     TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    query    TEXT    NOT NULL,
    saved_by TEXT    NOT NULL,
    saved_at INTEGER NOT NULL
) STRICT;

-- When alerts opened stands in the two indexes that lists by it are read from.
DROP INDEX alerts_by_time;
CREATE INDEX alerts_by_time
    ON alerts (last_seen DESC, id DESC, state, level, family, app, detector, class, assignee, opened_at);
DROP INDEX alerts_unclosed;
CREATE INDEX alerts_unclosed
    ON alerts (last_seen DESC, id DESC, state, level, family, app, detector, assignee, opened_at) WHERE state < 2;
