-- What the key that is coming calls what was seen during a rotation: both fingerprints of one value.
-- The number says which is oldest, for those go first.
CREATE TABLE links (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    older TEXT    NOT NULL UNIQUE,
    newer TEXT    NOT NULL,
    at    INTEGER NOT NULL
) STRICT;
CREATE INDEX links_by_newer ON links (newer);
