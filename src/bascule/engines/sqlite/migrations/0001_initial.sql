-- One row. commit_count numbers the groups that changed documents, so that a reader knows which state of them its snapshot
-- is. No message or record has or had a number above sequence: the writer raises it in large steps, ahead of need.
CREATE TABLE progress (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  commit_count INTEGER NOT NULL,
  sequence INTEGER NOT NULL
);
INSERT INTO progress VALUES (1, 0, 0);

CREATE TABLE document (
  kind TEXT NOT NULL,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  parent TEXT NOT NULL,
  name TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (kind, account, region, parent, name)
) WITHOUT ROWID;

-- The columns a lease changes keep their width (flags 0 or 1, six-byte times; only attempt grows a byte from 1 to 2), so
-- SQLite overwrites the row in place and leaves the pages of a long body alone. first_leased_ms of a message never leased
-- is 2^46.
-- is_head: unordered messages always; of an ordered group only the message with the lowest sequence.
-- due_ms is the end of the lease while is_leased is 1.
CREATE TABLE message (
  sequence INTEGER PRIMARY KEY,
  queue TEXT NOT NULL,
  message_id TEXT NOT NULL,
  body BLOB NOT NULL,
  headers BLOB NOT NULL,
  message_group TEXT,
  is_ordered INTEGER NOT NULL,
  is_head INTEGER NOT NULL,
  sent_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  is_leased INTEGER NOT NULL DEFAULT 0,
  attempt INTEGER NOT NULL DEFAULT 0,
  first_leased_ms INTEGER NOT NULL DEFAULT 70368744177664
);
-- The columns after sequence make counting a matter of the index alone.
CREATE INDEX message_by_due ON message (queue, due_ms, sequence, is_leased, is_head) WHERE is_head = 1;
CREATE INDEX message_by_sent ON message (queue, sent_ms);
CREATE INDEX message_by_group ON message (queue, message_group, sequence, is_head, is_leased, due_ms, is_ordered)
  WHERE is_ordered = 1;
CREATE INDEX message_leased_in_group ON message (queue, message_group, due_ms) WHERE is_ordered = 1 AND is_leased = 1;

-- However the first message of a group goes (settled, moved, expired, purged), the next one takes its place.
CREATE TRIGGER message_next_head AFTER DELETE ON message WHEN old.is_ordered = 1 AND old.is_head = 1
BEGIN
  UPDATE message SET is_head = 1 WHERE sequence = (
    SELECT sequence FROM message
    WHERE queue = old.queue AND message_group = old.message_group AND is_ordered = 1
    ORDER BY sequence LIMIT 1
  );
END;

CREATE TABLE deduplication (
  queue TEXT NOT NULL,
  key TEXT NOT NULL,
  message_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (queue, key)
) WITHOUT ROWID;
CREATE INDEX deduplication_by_end ON deduplication (until_ms);

CREATE TABLE record (
  sequence INTEGER PRIMARY KEY,
  log TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX record_by_log ON record (log, sequence);
CREATE INDEX record_by_time ON record (log, at_ms);
