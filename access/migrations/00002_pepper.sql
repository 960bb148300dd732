-- +goose Up
CREATE TABLE access_pepper (
	id   BIGINT PRIMARY KEY,
	mark BYTEA NOT NULL
);

-- +goose Down
DROP TABLE access_pepper;
