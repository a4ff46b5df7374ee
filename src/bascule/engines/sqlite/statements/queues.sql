-- name: put
INSERT INTO message
  (sequence, queue, message_id, body, headers, message_group, sent_ms, due_ms, is_ordered, is_head)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 1)
ON CONFLICT (sequence) DO NOTHING;

-- name: put_ordered
INSERT INTO message
  (sequence, queue, message_id, body, headers, message_group, sent_ms, due_ms, is_ordered, is_head)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 0)
ON CONFLICT (sequence) DO NOTHING;

-- name: set_heads
UPDATE message SET is_head = 1 WHERE is_head = 0 AND sequence IN (
  SELECT (
    SELECT first.sequence FROM message AS first INDEXED BY message_by_group
    WHERE first.queue = json_extract(touched.value, '$[0]') AND first.message_group = json_extract(touched.value, '$[1]')
      AND first.is_ordered = 1
    ORDER BY first.sequence LIMIT 1
  )
  FROM json_each(?) AS touched
);

-- name: deduplicate
INSERT OR REPLACE INTO deduplication (queue, key, message_id, sequence, until_ms) VALUES (?, ?, ?, ?, ?);

-- name: duplicate_of
SELECT message_id, sequence, until_ms FROM deduplication WHERE queue = ? AND key = ?;

-- name: forget_duplicates
DELETE FROM deduplication WHERE (queue, key) IN (
  SELECT queue, key FROM deduplication INDEXED BY deduplication_by_end WHERE until_ms <= ? LIMIT ?
);

-- name: lease_heads
SELECT sequence, message_id, message_group, sent_ms, due_ms, attempt, first_leased_ms, is_ordered, body, headers
FROM message INDEXED BY message_by_due
-- No message is due before it was sent, so a start after sent_after_ms leaves out most that have expired.
WHERE queue = :queue AND is_head = 1 AND due_ms <= :now_ms AND (due_ms, sequence) > (:after_due_ms, :after_sequence)
  AND sent_ms > :sent_after_ms
  AND (is_ordered = 0 OR NOT EXISTS (
    SELECT 1 FROM message AS other INDEXED BY message_leased_in_group
    WHERE other.queue = message.queue AND other.message_group = message.message_group
      AND other.is_ordered = 1 AND other.is_leased = 1 AND other.due_ms > :now_ms
  ))
ORDER BY due_ms, sequence LIMIT :count_max;

-- name: hides_group
SELECT is_ordered FROM message INDEXED BY message_by_sent WHERE queue = ? AND sent_ms <= ? LIMIT 1;

-- name: any_ordered
SELECT 1 FROM message INDEXED BY message_by_group WHERE queue = ? AND is_ordered = 1 LIMIT 1;

-- name: lease_followers
-- The loops give group after group, each by sequence, which is the order needed; asking for it would sort whole groups.
SELECT next.sequence, next.message_id, next.message_group, next.sent_ms, next.due_ms, next.attempt,
  next.first_leased_ms, next.is_ordered, next.body, next.headers
FROM json_each(:groups) AS leased
CROSS JOIN message AS next INDEXED BY message_by_group
WHERE next.queue = :queue AND next.message_group = leased.value AND next.is_ordered = 1 AND next.is_head = 0
LIMIT :count_max;

-- name: mark_leased
UPDATE message SET
  is_leased = 1, due_ms = ?, attempt = attempt + 1, first_leased_ms = min(first_leased_ms, ?)
WHERE sequence IN (SELECT value FROM json_each(?));

-- name: mark_run_leased
UPDATE message SET
  is_leased = 1, due_ms = ?, attempt = attempt + 1, first_leased_ms = min(first_leased_ms, ?)
WHERE sequence BETWEEN ? AND ?;

-- name: settle_all
DELETE FROM message WHERE sequence IN (SELECT value FROM json_each(?));

-- name: settle_run
DELETE FROM message WHERE sequence BETWEEN ? AND ?;

-- name: find
SELECT sequence, message_id, body, headers, message_group, sent_ms, due_ms, attempt, first_leased_ms, is_leased
FROM message WHERE sequence = ? AND queue = ?;

-- name: peek
SELECT sequence, message_id, body, headers, message_group, sent_ms, due_ms, attempt, first_leased_ms, is_leased
FROM message WHERE sequence IN (
  SELECT sequence FROM message INDEXED BY message_by_sent
  WHERE queue = ? AND sequence > ? ORDER BY sequence LIMIT ?
) ORDER BY sequence;

-- name: extend
UPDATE message SET due_ms = max(?, sent_ms) WHERE sequence = ? AND queue = ? AND attempt = ? AND is_leased = 1;

-- name: release
UPDATE message SET is_leased = 0, due_ms = max(?, sent_ms), headers = coalesce(?, headers)
WHERE sequence = ? AND queue = ? AND attempt = ? AND is_leased = 1;

-- name: settle
DELETE FROM message WHERE sequence = ? AND queue = ? AND attempt = ?;

-- name: remove
DELETE FROM message WHERE sequence = ? AND queue = ?;

-- name: copy
INSERT INTO message (sequence, queue, message_id, body, headers, message_group, is_ordered, is_head, sent_ms, due_ms)
SELECT :new_sequence, :to_queue, message_id, body, coalesce(:headers, headers), message_group, is_ordered,
  CASE WHEN is_ordered = 0 THEN 1 ELSE NOT EXISTS (
    SELECT 1 FROM message AS earlier INDEXED BY message_by_group
    WHERE earlier.queue = :to_queue AND earlier.message_group = message.message_group AND earlier.is_ordered = 1
  ) END,
  sent_ms, max(sent_ms, :due_ms)
FROM message WHERE sequence = :sequence AND queue = :queue;

-- name: change_count
INSERT INTO message_count (queue, count)
VALUES (?, ?)
ON CONFLICT (queue) DO UPDATE SET count = count + excluded.count;

-- name: forget_count
DELETE FROM message_count WHERE queue = ? AND count = 0;

-- name: count
SELECT count FROM message_count WHERE queue = :queue;

-- name: count_later
-- Of an ordered group all but the first message are behind; every other message is in the index by due time.
SELECT count(*), total(is_leased) FROM (
  SELECT is_leased FROM message INDEXED BY message_by_due
  WHERE queue = :queue AND is_head = 1 AND due_ms > :now_ms LIMIT :later_max
);

-- name: count_ordered
SELECT
  count(*), total(is_head = 0 AND due_ms > :now_ms), total(is_head = 0 AND due_ms > :now_ms AND is_leased = 1)
FROM (
  SELECT is_head, is_leased, due_ms FROM message INDEXED BY message_by_group
  WHERE queue = :queue AND is_ordered = 1 LIMIT :ordered_max
);

-- name: count_ordered_leased
SELECT count(*) FROM (
  SELECT 1 FROM message INDEXED BY message_leased_in_group
  WHERE queue = :queue AND is_ordered = 1 AND is_leased = 1 AND due_ms > :now_ms LIMIT :later_max
);

-- name: count_due
SELECT count(*) FROM (
  SELECT 1 FROM message INDEXED BY message_by_due
  WHERE queue = :queue AND is_head = 1 AND due_ms <= :now_ms LIMIT :due_max
);

-- name: count_expired
SELECT
  count(*), total(is_leased = 1 AND due_ms > :now_ms), total(is_leased = 0 AND due_ms > :now_ms)
FROM (
  SELECT due_ms, is_leased FROM message INDEXED BY message_by_sent
  WHERE queue = :queue AND sent_ms <= :sent_after_ms LIMIT :expired_max
);

-- name: count_sent_by
SELECT count(*) FROM (
  SELECT 1 FROM message INDEXED BY message_by_sent
  WHERE queue = :queue AND sent_ms <= :sent_after_ms LIMIT :sent_max
);

-- name: oldest_sent
SELECT sent_ms FROM message INDEXED BY message_by_sent
WHERE queue = ? AND sent_ms > ? ORDER BY sent_ms LIMIT 1;

-- name: next_due
WITH free AS (
  SELECT due_ms FROM message INDEXED BY message_by_due
  WHERE queue = :queue AND is_head = 1 AND (is_ordered = 0 OR NOT EXISTS (
    SELECT 1 FROM message AS other INDEXED BY message_leased_in_group
    WHERE other.queue = message.queue AND other.message_group = message.message_group
      AND other.is_ordered = 1 AND other.is_leased = 1 AND other.due_ms > message.due_ms
  ))
  ORDER BY due_ms LIMIT 1
)
SELECT min(due_ms) FROM (
  SELECT due_ms FROM free
  UNION ALL
  SELECT (
    SELECT max(other.due_ms) FROM message AS other INDEXED BY message_leased_in_group
    WHERE other.queue = message.queue AND other.message_group = message.message_group
      AND other.is_ordered = 1 AND other.is_leased = 1
  )
  FROM message INDEXED BY message_by_due
  WHERE queue = :queue AND is_head = 1 AND due_ms < coalesce((SELECT due_ms FROM free), 9223372036854775807)
);

-- name: expire
DELETE FROM message WHERE sequence IN (
  SELECT sequence FROM message INDEXED BY message_by_sent WHERE queue = ? AND sent_ms < ? ORDER BY sent_ms LIMIT ?
);

-- name: purge
DELETE FROM message WHERE sequence IN (
  SELECT sequence FROM message INDEXED BY message_by_sent WHERE queue = ? LIMIT ?
);
