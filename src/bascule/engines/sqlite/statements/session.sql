-- name: progress
SELECT commit_count, sequence FROM progress;

-- name: advance
UPDATE progress SET commit_count = ?, sequence = ?;

-- name: commit_count
SELECT commit_count FROM progress;
