-- name: append
INSERT INTO record (sequence, log, at_ms, body) VALUES (?, ?, ?, ?)
ON CONFLICT (sequence) DO NOTHING;

-- name: read
SELECT sequence, at_ms, body FROM record WHERE log = ? AND sequence > ? ORDER BY sequence LIMIT ?;

-- name: read_back
SELECT sequence, at_ms, body FROM record WHERE log = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?;

-- name: follow
SELECT sequence, CASE WHEN substr(log, 1, length(:prefix)) = :prefix THEN log END, at_ms,
  CASE WHEN substr(log, 1, length(:prefix)) = :prefix THEN body END
FROM record WHERE sequence > :after ORDER BY sequence LIMIT :count_max;

-- name: position
SELECT max(sequence) FROM record;

-- name: trim
DELETE FROM record WHERE sequence IN (
  SELECT sequence FROM record INDEXED BY record_by_time WHERE log = ? AND at_ms < ? ORDER BY at_ms LIMIT ?
);

-- name: drop
DELETE FROM record WHERE sequence IN (SELECT sequence FROM record INDEXED BY record_by_log WHERE log = ?);
