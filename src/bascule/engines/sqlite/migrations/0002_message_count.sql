-- How many messages each queue has, kept by the transaction that puts or removes them: asking a long queue would read all of it.
CREATE TABLE message_count (
  queue TEXT PRIMARY KEY,
  count INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO message_count SELECT queue, count(*) FROM message GROUP BY queue;
