-- When a delivery was last tried and how long that took, and which alerts a message is about that tells
-- of several.
ALTER TABLE outbox ADD COLUMN tried_at INTEGER;
ALTER TABLE outbox ADD COLUMN took INTEGER;
CREATE TABLE outbox_about (
    delivery INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    alert    TEXT    NOT NULL,
    PRIMARY KEY (delivery, alert)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_about_alert ON outbox_about (alert, delivery);
