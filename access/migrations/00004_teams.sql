-- +goose Up
ALTER TABLE access_session ADD COLUMN teams TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE access_session DROP COLUMN teams;
