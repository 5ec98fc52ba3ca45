-- One row: whose catalogue this is. The generation counts the changes; snapshots are compared by it.
CREATE TABLE cluster (
  only_row   INTEGER PRIMARY KEY CHECK (only_row = 1),
  cluster_id TEXT NOT NULL,
  generation INTEGER NOT NULL
) STRICT;

-- Every log directory that was ever part of this node. An id stays when the directory is found at another path.
CREATE TABLE directories (
  directory_id TEXT PRIMARY KEY,
  path         TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE topics (
  topic_id TEXT PRIMARY KEY,
  name     TEXT NOT NULL,
  state    TEXT NOT NULL CHECK (state IN ('creating', 'live', 'deleting')),
  internal INTEGER NOT NULL CHECK (internal IN (0, 1)),
  -- A JSON object of overrides: Kafka's names, values as text.
  configs  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A name may be taken again while the topic that had it before waits for the removal of its files.
CREATE UNIQUE INDEX topics_by_name ON topics (name) WHERE state <> 'deleting';

CREATE TABLE partitions (
  topic_id         TEXT NOT NULL REFERENCES topics (topic_id) ON DELETE CASCADE,
  partition        INTEGER NOT NULL,
  directory_id     TEXT NOT NULL REFERENCES directories (directory_id),
  log_start_offset INTEGER NOT NULL,
  PRIMARY KEY (topic_id, partition)
) STRICT, WITHOUT ROWID;
