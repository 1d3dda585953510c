-- What is asked of deliveries while a sink is away: those to one sink, newest first, and those that fail.
CREATE INDEX IF NOT EXISTS outbox_by_sink ON outbox (sink, id);
CREATE INDEX IF NOT EXISTS outbox_troubled ON outbox (id) WHERE outcome = 2 OR (outcome = 0 AND attempts > 0);
