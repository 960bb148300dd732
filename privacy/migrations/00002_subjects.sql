-- +goose Up
CREATE TABLE privacy_master (
	generation BIGINT NOT NULL PRIMARY KEY,
	mark       BYTEA NOT NULL,
	made       BIGINT NOT NULL
);
CREATE TABLE privacy_key (
	subject    TEXT NOT NULL PRIMARY KEY,
	id         BYTEA NOT NULL UNIQUE,
	generation BIGINT NOT NULL,
	wrapped    BYTEA NOT NULL,
	made       BIGINT NOT NULL
);
CREATE INDEX privacy_key_generation ON privacy_key (generation);
CREATE TABLE privacy_place (
	subject  TEXT NOT NULL,
	exchange TEXT NOT NULL,
	output   BIGINT NOT NULL,
	path     TEXT NOT NULL,
	kind     TEXT NOT NULL,
	system   TEXT NOT NULL,
	day      BIGINT NOT NULL,
	at       BIGINT NOT NULL,
	PRIMARY KEY (subject, exchange, output, path, kind)
);
CREATE INDEX privacy_place_day ON privacy_place (day);
CREATE INDEX privacy_place_system ON privacy_place (system, day);
CREATE TABLE privacy_hold (
	id        TEXT NOT NULL PRIMARY KEY,
	subject   TEXT NOT NULL,
	system    TEXT NOT NULL,
	reason    TEXT NOT NULL,
	made      BIGINT NOT NULL,
	made_by   TEXT NOT NULL,
	lifted    BIGINT NOT NULL DEFAULT 0,
	lifted_by TEXT NOT NULL DEFAULT ''
);
CREATE TABLE privacy_glass (
	id          TEXT NOT NULL PRIMARY KEY,
	asker       TEXT NOT NULL,
	target      TEXT NOT NULL,
	reason      TEXT NOT NULL,
	made        BIGINT NOT NULL,
	approved    BIGINT NOT NULL DEFAULT 0,
	approved_by TEXT NOT NULL DEFAULT '',
	used        BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX privacy_glass_asker ON privacy_glass (asker, target);
CREATE TABLE privacy_consent (
	id         TEXT NOT NULL PRIMARY KEY,
	subject    TEXT NOT NULL,
	what       TEXT NOT NULL,
	purpose    TEXT NOT NULL,
	until      BIGINT NOT NULL,
	made       BIGINT NOT NULL,
	made_by    TEXT NOT NULL,
	revoked    BIGINT NOT NULL DEFAULT 0,
	revoked_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX privacy_consent_subject ON privacy_consent (subject);
CREATE TABLE privacy_seen (
	log TEXT NOT NULL PRIMARY KEY,
	seq BIGINT NOT NULL
);

-- +goose Down
DROP TABLE privacy_seen;
DROP TABLE privacy_consent;
DROP TABLE privacy_glass;
DROP TABLE privacy_hold;
DROP TABLE privacy_place;
DROP TABLE privacy_key;
DROP TABLE privacy_master;
