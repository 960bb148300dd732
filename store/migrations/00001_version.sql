-- +goose Up
CREATE TABLE store_version (
    name    TEXT   NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);

-- +goose Down
DROP TABLE store_version;
