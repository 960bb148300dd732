-- +goose Up
CREATE TABLE privacy_conversation (
	hash  BYTEA PRIMARY KEY,
	label BIGINT NOT NULL,
	seen  BIGINT NOT NULL
);
CREATE INDEX privacy_conversation_seen ON privacy_conversation (seen);
CREATE TABLE privacy_provider (
	name     TEXT PRIMARY KEY,
	digest   TEXT NOT NULL,
	profile  TEXT NOT NULL,
	approved BIGINT NOT NULL,
	by_whom  TEXT NOT NULL,
	reason   TEXT NOT NULL
);

-- +goose Down
DROP TABLE privacy_provider;
DROP TABLE privacy_conversation;
