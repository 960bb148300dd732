-- +goose Up
ALTER TABLE privacy_consent ADD COLUMN system TEXT NOT NULL DEFAULT '';
CREATE INDEX privacy_consent_system ON privacy_consent (system);

-- +goose Down
DROP INDEX privacy_consent_system;
ALTER TABLE privacy_consent DROP COLUMN system;
