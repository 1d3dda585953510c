-- Of each alert only the oldest revision that is not settled may be delivered. Which one that is, is
-- kept, so that those that wait behind it are not looked at again and again.
ALTER TABLE outbox ADD COLUMN ready INTEGER NOT NULL DEFAULT 0;
UPDATE outbox AS this SET ready = 1
 WHERE outcome = 0
   AND NOT EXISTS (SELECT 1 FROM outbox AS before
                   WHERE before.sink = this.sink AND before.outcome = 0
                     AND before.alert = this.alert AND before.revision < this.revision);
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (sink, due, id) WHERE outcome = 0 AND ready = 1;
-- The longest waiting give way first at the ceiling.
CREATE INDEX outbox_oldest ON outbox (sink, due, id) WHERE outcome = 0;

-- How far silence has moved event time stands in the watermarks of each epoch.
DROP TABLE advances;
