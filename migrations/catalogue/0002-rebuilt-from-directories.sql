-- When the catalogue was rebuilt from what directories are called, Unix milliseconds; NULL = never, or an operator has
-- confirmed it since. Until then nothing is removed by retention or compaction: topics' settings are not known.
ALTER TABLE cluster ADD COLUMN rebuilt_ms INTEGER;
