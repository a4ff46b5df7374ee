-- name: get
SELECT body FROM document WHERE kind = ? AND account = ? AND region = ? AND parent = ? AND name = ?;

-- name: put
INSERT OR REPLACE INTO document (kind, account, region, parent, name, body) VALUES (?, ?, ?, ?, ?, ?);

-- name: delete
DELETE FROM document WHERE kind = ? AND account = ? AND region = ? AND parent = ? AND name = ?;

-- name: page
SELECT name, body FROM document
WHERE kind = :kind AND account = :account AND region = :region AND parent = :parent
  AND name > :after AND name >= :prefix
ORDER BY name LIMIT :count_max;

-- name: page_below
SELECT name, body FROM document
WHERE kind = :kind AND account = :account AND region = :region AND parent = :parent
  AND name > :after AND name >= :prefix AND name < :below
ORDER BY name LIMIT :count_max;

-- name: count
SELECT count(*) FROM document WHERE kind = ? AND account = ? AND region = ? AND parent = ?;

-- name: first_of_kind
SELECT account, region, parent, name, body FROM document
WHERE kind = :kind
ORDER BY account, region, parent, name LIMIT :count_max;

-- name: page_kind
SELECT account, region, parent, name, body FROM document
WHERE kind = :kind AND (account, region, parent, name) > (:account, :region, :parent, :name)
ORDER BY account, region, parent, name LIMIT :count_max;
