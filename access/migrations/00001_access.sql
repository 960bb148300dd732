-- +goose Up
CREATE TABLE access_key (
	id         TEXT PRIMARY KEY,
	system     TEXT NOT NULL,
	hash       BYTEA NOT NULL,
	hint       TEXT NOT NULL,
	created    BIGINT NOT NULL,
	created_by TEXT NOT NULL,
	revoked    BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE access_session (
	hash    BYTEA PRIMARY KEY,
	id      TEXT NOT NULL UNIQUE,
	kind    TEXT NOT NULL,
	person  TEXT NOT NULL,
	roles   TEXT NOT NULL,
	created BIGINT NOT NULL,
	seen    BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	ended   BIGINT NOT NULL DEFAULT 0
);

-- +goose Down
DROP TABLE access_session;
DROP TABLE access_key;
