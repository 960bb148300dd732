-- +goose Up
CREATE TABLE access_budget (
	scope  TEXT NOT NULL,
	counts TEXT NOT NULL,
	period BIGINT NOT NULL,
	ends   BIGINT NOT NULL,
	leased BIGINT NOT NULL,
	spent  BIGINT NOT NULL,
	PRIMARY KEY (scope, counts, period)
);
CREATE TABLE access_usage (
	system   TEXT NOT NULL,
	day      BIGINT NOT NULL,
	requests BIGINT NOT NULL,
	input    BIGINT NOT NULL,
	cached   BIGINT NOT NULL,
	output   BIGINT NOT NULL,
	cost     BIGINT NOT NULL,
	PRIMARY KEY (system, day)
);

-- +goose Down
DROP TABLE access_usage;
DROP TABLE access_budget;
