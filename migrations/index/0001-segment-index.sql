-- Offset and time index of a log directory's segments. A cache: any other version of this schema is deleted and rebuilt
-- from the segments. A row counts only if its crc is that of its fields.

CREATE TABLE offset_index (
  topic_id   TEXT    NOT NULL,
  partition  INTEGER NOT NULL,
  segment    INTEGER NOT NULL, -- base offset
  generation INTEGER NOT NULL,
  offset     INTEGER NOT NULL, -- base offset of the batch that begins at the position
  position   INTEGER NOT NULL,
  crc        INTEGER NOT NULL,
  PRIMARY KEY (topic_id, partition, segment, generation, offset)
) STRICT, WITHOUT ROWID;

-- No batch before the position is younger than the timestamp. One row a timestamp: the one furthest on.
CREATE TABLE time_index (
  topic_id   TEXT    NOT NULL,
  partition  INTEGER NOT NULL,
  segment    INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  timestamp  INTEGER NOT NULL, -- Unix milliseconds; -1 = no batch before the position has one
  offset     INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  crc        INTEGER NOT NULL,
  PRIMARY KEY (topic_id, partition, segment, generation, timestamp)
) STRICT, WITHOUT ROWID;
